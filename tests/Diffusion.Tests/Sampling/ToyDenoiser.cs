using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Tests.Sampling;

/// <summary>A model that is a formula: 0.4 tanh(sample) + 0.0005 t + 0.1 class + mean of the condition, and -0.5 sample as its variance.</summary>
internal sealed record ToyDenoiser
{
    public const int Channels = 2, Height = 3, Width = 5, Length = Channels * Height * Width;

    public int? FixedBatch { get; init; }

    public DataType TimestepType { get; init; } = DataType.Int64;

    public bool ScalarTimestep { get; init; }

    public bool Labels { get; init; }

    public bool Condition { get; init; }

    public bool Variance { get; init; }

    public bool Half { get; init; }

    public bool OpenSize { get; init; }

    public Denoiser Compile() => new(new OnnxRuntimeEngine().Compile(Model(), new EngineOptions { Threads = 1 }));

    public Model Model()
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        Dim batch = FixedBatch is { } size ? size : new Dim("batch");
        var sample = builder.Input("sample", Half ? DataType.Float16 : DataType.Float, OpenSize ? new Shape(batch, Channels, new Dim("height"), new Dim("width")) : new Shape(batch, Channels, Height, Width));
        var timestep = builder.Input("timestep", TimestepType, ScalarTimestep ? Shape.Scalar : new Shape(batch)).Cast(DataType.Float).View(-1, 1, 1, 1);
        var x = sample.Cast(DataType.Float);
        var output = (0.4 * x.Tanh()) + (0.0005 * timestep);
        if (Labels)
        {
            output += 0.1 * builder.Input("class_labels", DataType.Int64, new Shape(batch)).Cast(DataType.Float).View(-1, 1, 1, 1);
        }

        if (Condition)
        {
            var condition = builder.Input("encoder_hidden_states", DataType.Float, new Shape(batch, 4, 3));
            output += builder.Node("ReduceMean", [condition], Attribute.Ints("axes", 1, 2), Attribute.Int("keepdims", 1)).View(-1, 1, 1, 1);
        }

        if (Variance)
        {
            output = builder.Concat(1, [output, -0.5 * x]);
        }

        builder.AddOutput("out_sample", output.Cast(sample.Type));
        return model;
    }

    public static float Predict(float sample, float timestep, double shift = 0) => (float)((0.4 * Math.Tanh(sample)) + (0.0005 * timestep) + shift);
}
