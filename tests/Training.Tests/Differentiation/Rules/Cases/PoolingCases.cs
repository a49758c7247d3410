namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class PoolingCases
{
    private const string Pools = "MaxPool AveragePool LpPool";

    public static readonly OperatorCase[] All =
    [
        .. OperatorCase.Each(Pools, "x[2,2,4,4]", "kernel_shape=[2,2] strides=[2,2]"),
        .. OperatorCase.Each(Pools, "x[1,2,5,4]", "kernel_shape=[3,2] pads=[1,0,1,1]"),
        .. OperatorCase.Each(Pools, "x[1,1,5,6]", "kernel_shape=[3,2] strides=[2,3] pads=[1,1,0,0]"),
        .. OperatorCase.Each(Pools, "x[1,2,5,4]", "kernel_shape=[2,3] strides=[2,2] auto_pad=SAME_UPPER"),
        .. OperatorCase.Each(Pools, "x[1,2,4,5]", "kernel_shape=[3,2] auto_pad=SAME_LOWER"),
        .. OperatorCase.Each(Pools, "x[1,2,7]", "kernel_shape=[3] strides=[2]"),
        .. OperatorCase.Each(Pools, "x[1,1,3,4,3]", "kernel_shape=[2,2,1] strides=[1,2,2]"),
        .. OperatorCase.Each("MaxPool AveragePool", "x[1,1,6,5]", "kernel_shape=[2,2] strides=[3,2] ceil_mode=1", 19),
        .. OperatorCase.Each("MaxPool AveragePool", "x[1,1,6,5]", "kernel_shape=[3,3] strides=[2,2] pads=[1,0,0,1] ceil_mode=1", 19),
        .. OperatorCase.Each("MaxPool AveragePool", "x[1,1,6,5]", "kernel_shape=[2,3] dilations=[2,2] pads=[0,1,0,1]", 19),
        new("MaxPool", "x[2,2,3,4]", "kernel_shape=[2,2] storage_order=1", Outputs: "1,1"),
        new("AveragePool", "x[1,1,5,6]", "kernel_shape=[3,2] strides=[2,3] pads=[1,1,0,0] count_include_pad=1"),
        new("AveragePool", "x[1,2,6]", "kernel_shape=[3] strides=[2] pads=[1,1] ceil_mode=1 count_include_pad=1", 19),
        new("AveragePool", "x[1,1,6,5]", "kernel_shape=[2,2] dilations=[3,2] pads=[1,1,1,0] count_include_pad=1", 22),
        new("LpPool", "x[1,2,5,4]", "kernel_shape=[2,2] p=1"),
        new("LpPool", "x[1,2,5,4]", "kernel_shape=[2,2] p=3 pads=[0,1,1,0]", 18),
        .. OperatorCase.Each("GlobalMaxPool GlobalAveragePool GlobalLpPool", "x[2,3,4,2]"),
        .. OperatorCase.Each("GlobalMaxPool GlobalAveragePool GlobalLpPool", "x[1,2,5]", opset: 13),
        .. OperatorCase.Each("GlobalMaxPool GlobalAveragePool GlobalLpPool", "x[1,2,2,2,3]", opset: 21),
        new("GlobalLpPool", "x[2,2,4]", "p=3"),
        new("Col2Im", "x[1,4,9] i=4,4 i=2,2", Opset: 18),
        new("Col2Im", "x[2,12,6] i=5,4 i=3,2", "strides=[2,2] pads=[1,1,0,1]", 18),
        new("Col2Im", "x[1,8,8] i=5,6 i=2,2", "dilations=[2,3] pads=[0,0,1,1] strides=[2,1]", 18),
        new("Col2Im", "x[1,6,5] i=7 i=3", Opset: 18),
        new("MaxUnpool", "x[1,1,2,2] I[1,1,2,2]=5,7,13,15", "kernel_shape=[2,2] strides=[2,2]"),
        new("MaxUnpool", "x[1,2,2,2] I[1,2,2,2]=0,3,8,10,17,19,24,27", "kernel_shape=[2,2] strides=[2,2]"),
        new("MaxUnpool", "x[1,1,3] I[1,1,3]=1,2,5", "kernel_shape=[2] strides=[2]"),
        new("MaxUnpool", "x[1,1,2,2] I[1,1,2,2]=6,8,16,24 i=1,1,5,5", "kernel_shape=[2,2] strides=[2,2]"),
    ];
}
