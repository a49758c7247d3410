namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class ConvolutionCases
{
    public static readonly OperatorCase[] All =
    [
        new("Conv", "x[2,2,4,4] x[3,2,3,3] x[3]", "pads=[1,1,1,1]"),
        new("Conv", "x[1,2,5,4] x[2,2,1,1]"),
        new("Conv", "x[1,2,5,4] x[2,2,1,1]", "strides=[2,2]"),
        new("Conv", "x[1,2,6,5] x[2,2,3,2]", "strides=[2,3] pads=[1,0,0,1]"),
        new("Conv", "x[1,2,6,6] x[1,2,2,3]", "dilations=[2,2] pads=[0,1,1,2]"),
        new("Conv", "x[1,1,7,6] x[2,1,3,2]", "dilations=[2,3] strides=[2,2] pads=[2,1,1,2]"),
        new("Conv", "x[1,4,4,3] x[4,1,2,2] x[4]", "group=4"),
        new("Conv", "x[2,4,4,4] x[6,2,3,3]", "group=2 pads=[1,1,0,0] strides=[1,2]"),
        new("Conv", "x[1,2,3,3] x[2,1,2,2]", "group=2 pads=[2,2,2,2]"),
        new("Conv", "x[1,1,3,3] x[1,1,2,2]", "pads=[2,1,3,2]"),
        new("Conv", "x[1,2,5,4] x[2,2,3,3]", "auto_pad=SAME_UPPER strides=[2,1]"),
        new("Conv", "x[1,2,4,5] x[2,2,2,3]", "auto_pad=SAME_LOWER strides=[1,2]"),
        new("Conv", "x[1,1,5,5] x[1,1,3,3]", "auto_pad=VALID dilations=[2,1]"),
        new("Conv", "x[2,2,6] x[4,1,3] x[4]", "group=2 strides=[2] pads=[1,1]"),
        new("Conv", "x[1,2,7] x[2,2,3]", "dilations=[2] pads=[0,2]", 22),
        new("Conv", "x[1,2,3,3,2] x[2,2,2,2,1] x[2]", "strides=[1,2,1] pads=[0,1,0,0,0,1]"),
        new("Conv", "x[1,2,3,3,3] x[2,1,2,2,2]", "group=2"),

        new("ConvTranspose", "x[1,2,3,3] x[2,3,2,2] x[3]"),
        new("ConvTranspose", "x[1,2,3,3] x[2,2,3,3]", "strides=[2,2] pads=[1,1,1,1] output_padding=[1,1]"),
        new("ConvTranspose", "x[1,2,3,2] x[2,1,3,2]", "strides=[2,3] pads=[0,1,1,0]"),
        new("ConvTranspose", "x[2,4,3,2] x[4,1,2,2] x[2]", "group=2 strides=[2,1]"),
        new("ConvTranspose", "x[1,2,3,3] x[2,1,2,2]", "dilations=[2,1] pads=[1,0,0,1]"),
        new("ConvTranspose", "x[1,1,3,3] x[1,2,3,3]", "strides=[2,2] output_shape=[6,5]"),
        new("ConvTranspose", "x[1,1,3,3] x[1,2,3,3]", "strides=[2,2] output_shape=[6,7] auto_pad=SAME_UPPER"),
        new("ConvTranspose", "x[1,2,3,4] x[2,1,3,3]", "strides=[2,1] auto_pad=SAME_UPPER"),
        new("ConvTranspose", "x[1,2,3,4] x[2,1,3,4]", "strides=[2,1] auto_pad=SAME_LOWER"),
        new("ConvTranspose", "x[2,2,4] x[2,2,3] x[2]", "strides=[2] pads=[1,1] output_padding=[1]", 22),
        new("ConvTranspose", "x[1,2,2,3,2] x[2,1,2,2,1] x[1]", "strides=[1,2,1]"),
        new("ConvTranspose", "x[1,1,3,3] x[1,2,3,3]", "strides=[2,3] output_shape=[6,8] output_padding=[1,1]"),
        new("ConvTranspose", "x[1,2,3,3] x[2,1,3,2]", "strides=[2,2] auto_pad=VALID output_padding=[1,0]"),
    ];
}
