using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>What an element of a weight adds to the score of its slices; nothing when it is zero.</summary>
internal interface ISliceTerm
{
    /// <summary>Whether it depends on the gradient.</summary>
    static abstract bool UsesGradient { get; }

    /// <summary>The terms of weights and gradients.</summary>
    static abstract Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient);

    /// <summary>The term of a weight and a gradient.</summary>
    static abstract double Of(double weight, double gradient);
}

/// <summary>|w|.</summary>
internal readonly struct AbsoluteTerm : ISliceTerm
{
    public static bool UsesGradient => false;

    public static Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient) => Vector512.Abs(weight);

    public static double Of(double weight, double gradient) => Math.Abs(weight);
}

/// <summary>w².</summary>
internal readonly struct SquareTerm : ISliceTerm
{
    public static bool UsesGradient => false;

    public static Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient) => weight * weight;

    public static double Of(double weight, double gradient) => weight * weight;
}

/// <summary>w g.</summary>
internal readonly struct ProductTerm : ISliceTerm
{
    public static bool UsesGradient => true;

    public static Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient) => weight * gradient;

    public static double Of(double weight, double gradient) => weight * gradient;
}

/// <summary>|w g|.</summary>
internal readonly struct AbsoluteProductTerm : ISliceTerm
{
    public static bool UsesGradient => true;

    public static Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient) => Vector512.Abs(weight * gradient);

    public static double Of(double weight, double gradient) => Math.Abs(weight * gradient);
}

/// <summary>(w g)².</summary>
internal readonly struct SquaredProductTerm : ISliceTerm
{
    public static bool UsesGradient => true;

    public static Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient)
    {
        var product = weight * gradient;
        return product * product;
    }

    public static double Of(double weight, double gradient) => weight * gradient * (weight * gradient);
}

/// <summary>w² g / 2, for g that are squares already.</summary>
internal readonly struct CurvatureTerm : ISliceTerm
{
    public static bool UsesGradient => true;

    public static Vector512<double> Of(Vector512<double> weight, Vector512<double> gradient) => weight * weight * gradient * 0.5;

    public static double Of(double weight, double gradient) => weight * weight * gradient * 0.5;
}
