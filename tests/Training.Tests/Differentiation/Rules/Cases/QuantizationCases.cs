namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

/// <summary>By scales, in which dequantization is linear; QuantizationTests have what goes straight through roundings.</summary>
internal static class QuantizationCases
{
    public static readonly OperatorCase[] All =
    [
        new("DequantizeLinear", "J[2,3]=5,-3,100,7,0,-20 x[]"),
        new("DequantizeLinear", "J[2,3]=5,-3,100,7,0,-20 x[3]", "axis=1", 13),
        new("DequantizeLinear", "J[2,2,2]=5,-3,100,7,0,-20,1,2 x[2]", "axis=-2", 21),
        new("com.microsoft:DequantizeLinear", "J[2,3]=5,-3,100,7,0,-20 x[] J[]=0"),
        new("com.microsoft:DequantizeLinear", "J[2,3]=5,-3,100,7,0,-20 x[3] J[3]=0,0,0", "axis=1"),
        new("com.microsoft:DequantizeLinear", "J[2,2]=5,-3,100,7 x[2] J[2]=0,0", "axis=0"),
    ];
}
