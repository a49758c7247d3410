namespace CompressTool.Onnx.Cost;

/// <summary>How much of a weight is zero.</summary>
/// <param name="Value">The initializer.</param>
/// <param name="Elements">How many elements were looked at.</param>
/// <param name="Zeros">How many are zero; in a quantized weight, how many are at its zero point.</param>
public sealed record WeightSparsity(Value Value, long Elements, long Zeros)
{
    /// <summary>The share of zeros, 0 to 1.</summary>
    public double Ratio => Elements == 0 ? 0 : (double)Zeros / Elements;
}

/// <summary>How much of a model's parameters is zero.</summary>
/// <param name="Weights">The weights that were looked at. Those packed in less than a byte per element are left out: they are made from dense weights.</param>
public sealed record ModelSparsity(IReadOnlyList<WeightSparsity> Weights)
{
    /// <summary>How many elements were looked at.</summary>
    public long Elements => Weights.Sum(weight => weight.Elements);

    /// <summary>How many of them are zero.</summary>
    public long Zeros => Weights.Sum(weight => weight.Zeros);

    /// <summary>The share of zeros, 0 to 1.</summary>
    public double Ratio => Elements == 0 ? 0 : (double)Zeros / Elements;
}
