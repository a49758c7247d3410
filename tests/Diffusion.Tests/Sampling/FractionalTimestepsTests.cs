using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Tests.Sampling;

[TestClass]
public sealed class FractionalTimestepsTests
{
    private static readonly string[] s_inputs = ["sample", "timestep"];

    [TestMethod]
    public void Graph_that_only_casts_timesteps_takes_fractions()
    {
        using var model = new ToyDenoiser().Model();
        Assert.IsTrue(FractionalTimesteps.Allow(model, "timestep"));
        using var function = new OnnxRuntimeEngine().Compile(model);
        var sample = NdArray.Create(new float[ToyDenoiser.Length], 1, ToyDenoiser.Channels, ToyDenoiser.Height, ToyDenoiser.Width);
        var output = function.Run(new Dictionary<string, NdArray> { ["sample"] = sample, ["timestep"] = NdArray.Create<float>([100.5f], 1) })["out_sample"];
        Assert.AreEqual(0.0005 * 100.5, output.AsSpan<float>()[0], 1e-7);
        Assert.IsFalse(FractionalTimesteps.Allow(model, "timestep"));
        Assert.IsFalse(FractionalTimesteps.Allow(model, "time"));
    }

    [TestMethod]
    public void Exported_and_imported_models_compute_the_same_for_whole_timesteps()
    {
        using var exported = Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));
        using var nearly = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        using var imported = DiffusersImporter.Import(DiffusersComponent.Find(Repository.Fixture("unet2d-cifarstyle", "unet")));
        foreach (var (model, fixture) in new[] { (exported, "unet2d"), (nearly, "unet2d-cifarstyle"), (imported, "unet2d-cifarstyle") })
        {
            var feeds = s_inputs.ToDictionary(name => name, name => NdArray.From(NpyFile.Read(Repository.Fixture(fixture, "io", name + ".npy"))));
            Assert.IsTrue(FractionalTimesteps.Allow(model, "timestep"), model.Graph.Name);
            feeds["timestep"] = NdArray.Create(Array.ConvertAll(feeds["timestep"].AsSpan<long>().ToArray(), t => (float)t), feeds["timestep"].Dims);
            using var function = new OnnxRuntimeEngine().Compile(model);
            var output = function.Run(feeds)[function.Outputs[0].Name].AsSpan<float>().ToArray();
            var expected = NpyFile.Read(Repository.Fixture(fixture, "io", "out_sample.npy")).ToFloats();
            Assert.IsLessThan(1e-4, expected.Zip(output).Max(pair => Math.Abs(pair.First - pair.Second)));
        }
    }

    [TestMethod]
    public void Graph_that_computes_with_whole_timesteps_is_left_alone()
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        var sample = builder.Input("sample", DataType.Float, new Shape(new Dim("batch"), 1));
        var timestep = builder.Input("timestep", DataType.Int64, new Shape(new Dim("batch")));
        var table = builder.Constant(Tensor.Floats([10, 1], new float[10]));
        builder.AddOutput("out_sample", sample + builder.Node("Gather", [table, timestep]) + timestep.Cast(DataType.Float).View(-1, 1));
        Assert.IsFalse(FractionalTimesteps.Allow(model, "timestep"));
        Assert.AreEqual(DataType.Int64, model.Graph.Inputs[1].ElementType);
    }
}
