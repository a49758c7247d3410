namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class ResizingCases
{
    public static readonly OperatorCase[] All =
    [
        // Nearest
        new("Resize", "x[1,2,2,3] - k=1,1,2,2", "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor"),
        new("Resize", "x[1,2,2,3] - k=1,1,3,2"),
        new("Resize", "x[1,1,4,5] - - i=1,1,3,7", "coordinate_transformation_mode=half_pixel nearest_mode=ceil"),
        new("Resize", "x[1,1,4,5] - - i=1,1,6,2", "coordinate_transformation_mode=align_corners nearest_mode=round_prefer_ceil"),
        new("Resize", "x[3,4] - k=1.7,0.6", "coordinate_transformation_mode=asymmetric nearest_mode=floor"),

        // Linear
        new("Resize", "x[1,1,3,4] - k=1,1,2,2", "mode=linear"),
        new("Resize", "x[1,2,4,3] - - i=1,2,3,5", "mode=linear coordinate_transformation_mode=align_corners", 13),
        new("Resize", "x[1,1,4,5] - - i=1,1,1,3", "mode=linear coordinate_transformation_mode=pytorch_half_pixel"),
        new("Resize", "x[3,5] - k=1.5,0.7", "mode=linear coordinate_transformation_mode=asymmetric"),
        new("Resize", "x[1,1,4,5] - k=1,1,1.3,0.7", "mode=linear coordinate_transformation_mode=half_pixel_symmetric", 19),
        new("Resize", "x[1,1,2,3,2] - k=1,1,2,1.5,2", "mode=linear"),

        // Cubic
        new("Resize", "x[1,1,4,5] - k=1,1,1.5,2", "mode=cubic"),
        new("Resize", "x[1,1,5,5] - - i=1,1,3,4", "mode=cubic cubic_coeff_a=-0.5 exclude_outside=1"),
        new("Resize", "x[1,1,4,4] - - i=1,1,6,7", "mode=cubic coordinate_transformation_mode=align_corners"),

        // Since opset 18: axes, antialias, aspect ratio
        new("Resize", "x[1,1,3,4] - k=2,1.5", "mode=linear axes=[2,3]", 18),
        new("Resize", "x[1,1,6,8] - k=1,1,0.5,0.4", "mode=linear antialias=1", 18),
        new("Resize", "x[1,1,7,6] - - i=1,1,3,4", "mode=cubic antialias=1", 18),
        new("Resize", "x[1,1,4,6] - - i=8,9", "mode=linear axes=[2,3] keep_aspect_ratio_policy=not_larger", 18),
        new("Resize", "x[1,1,4,6] - - i=3,3", "mode=nearest axes=[2,3] keep_aspect_ratio_policy=not_smaller", 18),

        // Regions of interest
        new("Resize", "x[1,1,4,5] k=0,0,0.2,-0.1,1,1,0.8,1.1 - i=1,1,3,6", "mode=linear coordinate_transformation_mode=tf_crop_and_resize extrapolation_value=2.5"),
        new("Resize", "x[1,1,4,5] k=0,0,0.6,0.1,1,1,0.9,0.7 - i=1,1,3,1", "mode=linear coordinate_transformation_mode=tf_crop_and_resize"),
        new("Resize", "x[1,1,4,5] k=0.1,0.2,0.9,0.8 - i=2,3", "axes=[2,3] coordinate_transformation_mode=tf_crop_and_resize", 18),

        new("GridSample", "x[1,2,3,4] x[1,2,3,2]:-0.95..0.95"),
        new("GridSample", "x[2,1,3,3] x[2,2,2,2]:-1.6..1.6", "align_corners=1"),
        new("GridSample", "x[1,1,4,3] x[1,3,2,2]:-1.7..1.6", "padding_mode=border"),
        new("GridSample", "x[1,1,4,3] x[1,3,3,2]:-2.9..2.7", "padding_mode=reflection"),
        new("GridSample", "x[1,1,4,3] x[1,3,3,2]:-2.9..2.7", "padding_mode=reflection align_corners=1 mode=linear", 20),
        new("GridSample", "x[1,2,3,3] x[1,2,3,2]:-1.4..1.4", "mode=nearest"),
        new("GridSample", "x[1,2,4,5] x[1,2,3,2]:-0.95..0.95", "mode=bicubic"),
        new("GridSample", "x[2,1,4,3] x[2,2,2,2]:-1.6..1.6", "mode=cubic align_corners=1 padding_mode=border", 20),
        new("GridSample", "x[1,1,4,5] x[1,3,3,2]:-1.9..1.7", "mode=cubic padding_mode=reflection", 20),
        new("GridSample", "x[1,1,4,4] x[1,3,2,2]:-1.3..1.5", "mode=bicubic padding_mode=reflection align_corners=1"),
    ];
}
