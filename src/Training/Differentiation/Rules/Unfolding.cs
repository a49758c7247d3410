using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that put windows, or what was chosen from windows, back into images.</summary>
internal static class Unfolding
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Col2Im"] = n => [Col2Im(n)],
        ["MaxUnpool"] = n => [n.Builder.Node("Gather", [n.Gradient.Reshape(-1), n[1]])],
    };

    /// <summary>The windows [N, C * places, L] of the gradient's image, into which they were added up.</summary>
    private static Expr Col2Im(GradientContext n)
    {
        long[] image = n.ConstantInts(1)!, kernel = n.ConstantInts(2)!;
        var windows = Windows.Of(n, kernel, image);
        var padded = image.Select((size, axis) => size + windows.Before[axis] + windows.After[axis]).ToArray();
        var outputs = padded.Select((size, axis) => ((size - (windows.Dilations[axis] * (kernel[axis] - 1)) - 1) / windows.Strides[axis]) + 1).ToArray();
        var positions = windows with { Kernel = outputs };
        var indices = windows.Places().SelectMany(place => positions.Places().Select(position =>
            place.Index().Aggregate(0L, (flat, axis) => (flat * padded[axis.Index]) + (position[axis.Index] * windows.Strides[axis.Index]) + (axis.Item * windows.Dilations[axis.Index])))).ToArray();
        var (batch, channels) = (n.Gradient.Dims[0], n.Gradient.Dims[1]);
        var flat = n.Gradient.Pad([0, 0, .. windows.Before], [0, 0, .. windows.After]).Reshape(batch, channels, -1);
        return n.Builder.Node("Gather", [flat, n.Builder.Int64s(indices)], Attribute.Int("axis", 2)).Reshape(n[0].Dims);
    }
}
