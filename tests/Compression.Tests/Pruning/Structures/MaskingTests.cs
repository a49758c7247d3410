using System.Globalization;
using CompressTool.Compression.Tests.Quantization;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>
/// Where no normalisation mixes the channels, a model without them computes what the whole one does with everything of theirs set to
/// zero: for groups and channels chosen by chance.
/// </summary>
[TestClass]
public sealed class MaskingTests
{
    /// <summary>
    /// Cases of each model. Further forms of an architecture have a quarter, since their groups are the same, and small imported models a
    /// tenth; COMPRESSTOOL_MASKING_CASES gives all another number.
    /// </summary>
    private const int Cases = 200;

    private const double Tolerance = 1e-5;

    public static IEnumerable<object[]> Classics =>
        ClassicModels.All.Select(model => new object[] { model, ClassicModels.Architectures.Any(first => first.Name == model.Name) ? Cases : Cases / 4 });

    [TestMethod]
    [DynamicData(nameof(Classics))]
    public void Classic_model_without_channels_is_the_masked_one(ClassicModel classic, int cases)
    {
        using var model = classic.Build();
        Check(model, classic.Inputs(model, batch: 3), cases);
    }

    [TestMethod]
    [DataRow("unet2d/model_op17_dynbatch.onnx", 32, Cases)]
    [DataRow("unet2d-cifarstyle/model_op14.onnx", 16, Cases)]
    [DataRow("unet2d-cifarstyle/model_op17_nofold.onnx", 16, Cases)]
    [DataRow("autoencoder-kl/encoder_op14.onnx", 32, Cases)]
    [DataRow("autoencoder-kl/decoder_op17.onnx", 16, Cases)]
    [DataRow("unet2d-cond/model_op17.onnx", 16, Cases)]
    [DataRow("dit/model_op14.onnx", 16, Cases)]
    [DataRow("dit/model_op17_dynbatch.onnx", 16, Cases)]
    [DataRow("fashion-ddpm/model_op17.onnx", 32, Cases)]
    public void Reference_model_without_channels_is_the_masked_one(string name, int size, int cases)
    {
        using var model = ReferenceModels.Load(name);
        Check(model, ReferenceModels.Inputs(model, size), cases);
    }

    public static IEnumerable<object[]> Imported => Directory.GetDirectories(Repository.Fixture("import")).Select(folder => new object[] { Path.GetFileName(folder) });

    [TestMethod]
    [DynamicData(nameof(Imported))]
    public void Imported_model_without_channels_is_the_masked_one(string name)
    {
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(Repository.Fixture("import", name)), new ImportOptions { Size = name == "sd3-wide" ? new ImageSize(4, 12) : null });
        Check(model, model.Graph.Inputs.ToDictionary(input => input.Name, input => NpyFile.Read(Repository.Fixture("import", name, "io", input.Name + ".npy"))), Cases / 10);
    }

    private static void Check(Model model, IReadOnlyDictionary<string, Tensor> inputs, int cases)
    {
        cases = int.TryParse(Environment.GetEnvironmentVariable("COMPRESSTOOL_MASKING_CASES"), CultureInfo.InvariantCulture, out var wanted) ? wanted : cases;
        var bench = new StructureBench(model);
        var random = new Random(17);
        var (same, dependencies) = bench.Analyze();
        using var _ = same;
        using var whole = bench.OpenWhole();
        var groups = StructureBench.GroupsOf(dependencies);
        Assert.IsTrue(groups.Any(group => !group.IsMixed));
        for (var index = 0; index < cases; index++)
        {
            var choice = RandomChoice.Of(groups, random, group => !group.IsMixed);
            var expected = whole.Run(inputs, StructureBench.Masked(dependencies, choice));
            using var cut = bench.Cut(choice);
            var actual = ModelRunner.Run(cut.ToBytes(), inputs, GraphOptimizationLevel.DisableAll)[cut.Graph.Outputs[0].Name].ToFloats();

            Assert.HasCount(expected.Length, actual);
            var distance = expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max();
            Assert.IsLessThan(Tolerance * expected.Max(Math.Abs), distance, $"case {index}: {StructureBench.Describe(groups, choice)}");
        }
    }
}
