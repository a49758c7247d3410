using System.Text.Json.Nodes;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>Models made from a configuration alone.</summary>
[TestClass]
public sealed class FreshWeightTests
{
    private static readonly JsonObject s_config = JsonNode.Parse(File.ReadAllText(Repository.Fixture("unet2d-cifarstyle", "unet", "config.json")))!.AsObject();

    [TestMethod]
    public void Parameters_are_distributed_as_PyTorch_initialises_them()
    {
        using var folder = new TempFolder();
        using var model = Import(folder, 7, ("num_class_embeds", 10));

        // A convolution of 32 channels with 3x3 kernels has 288 inputs for each unit.
        var weights = Floats(model, "mid_block.resnets.0.conv1.weight");
        var bound = 1 / Math.Sqrt(288);
        Assert.IsTrue(weights.All(x => Math.Abs(x) <= bound));
        Assert.AreEqual(0, weights.Average(), 0.003);
        Assert.AreEqual(bound / Math.Sqrt(3), Deviation(weights), 0.03 * bound);
        var biases = Floats(model, "mid_block.resnets.0.conv1.bias");
        Assert.IsTrue(biases.All(x => Math.Abs(x) <= bound) && biases.Max() > bound / 2 && biases.Min() < -bound / 2);
        var classes = Floats(model, "class_embedding.weight");
        Assert.HasCount(640, classes);
        Assert.AreEqual(1, Deviation(classes), 0.1);
        Assert.IsTrue(Floats(model, "conv_norm_out.weight").All(x => x == 1) && Floats(model, "conv_norm_out.bias").All(x => x == 0));
        Assert.AreNotEqual(weights[0], Floats(model, "mid_block.resnets.0.conv2.weight")[0], "Parameters of the same shape differ.");
    }

    [TestMethod]
    public void The_seed_decides()
    {
        using var folder = new TempFolder();
        using var zero = Import(folder, null);
        using var same = Import(folder, 0);
        using var other = Import(folder, 1);

        Assert.AreSequenceEqual(zero.ToBytes(), same.ToBytes());
        Assert.AreNotEqual(Floats(same, "conv_in.weight")[0], Floats(other, "conv_in.weight")[0]);
    }

    [TestMethod]
    public void A_seed_replaces_a_checkpoint()
    {
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(Repository.Fixture("unet2d-cifarstyle", "unet")), new ImportOptions { InitSeed = 3 });

        Assert.IsTrue(Floats(model, "conv_norm_out.weight").All(x => x == 1));
    }

    [TestMethod]
    public void A_class_is_added_to_the_embedding_of_the_timestep()
    {
        using var folder = new TempFolder();
        using var classes = Import(folder, 5, ("num_class_embeds", 10));
        using var plain = Import(folder, 5, ("num_class_embeds", null));
        var feeds = new Dictionary<string, NdArray>
        {
            ["sample"] = NdArray.From(NpyFile.Read(Repository.Fixture("unet2d-cifarstyle", "io", "sample.npy"))),
            ["timestep"] = NdArray.From(NpyFile.Read(Repository.Fixture("unet2d-cifarstyle", "io", "timestep.npy"))),
        };

        // The same shift for every image: label 4 as bias of the layer whose output the class is added to.
        var table = Floats(classes, "class_embedding.weight");
        var bias = plain.Graph.Initializers.Single(value => value.Name == "time_embedding.linear_2.bias");
        Graph.ReplaceInitializer(bias, Tensor.Floats([64], [.. bias.Initializer!.ToFloats().Select((x, i) => x + table[(4 * 64) + i])]));
        var expected = ReferenceCheckpoint.Run(plain, feeds)["out_sample"];
        var actual = ReferenceCheckpoint.Run(classes, new Dictionary<string, NdArray>(feeds) { ["class_labels"] = NdArray.From(Tensor.Int64s(4, 4)) })["out_sample"];
        var others = ReferenceCheckpoint.Run(classes, new Dictionary<string, NdArray>(feeds) { ["class_labels"] = NdArray.From(Tensor.Int64s(5, 5)) })["out_sample"];

        Assert.IsLessThan(1e-5, ReferenceCheckpoint.Difference(actual, expected));
        Assert.IsGreaterThan(1e-3, ReferenceCheckpoint.Difference(others, expected));
    }

    private static Model Import(TempFolder folder, long? seed, params (string Key, JsonNode? Value)[] changes)
    {
        var config = s_config.DeepClone().AsObject();
        foreach (var (key, value) in changes)
        {
            config[key] = value;
        }

        folder.Write("config.json", config.ToJsonString());
        return DiffusersImporter.Import(DiffusersComponent.Find(folder.Path), new ImportOptions { InitSeed = seed });
    }

    private static float[] Floats(Model model, string name) => model.Graph.Initializers.Single(value => value.Name == name).Initializer!.ToFloats();

    private static double Deviation(float[] numbers) => Math.Sqrt(numbers.Average(x => (double)x * x));
}
