using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Pruning.Importance;

/// <summary>Importance against what Torch-Pruning computed for the same groups of the same models.</summary>
[TestClass]
public sealed class OfficialImportanceTests
{
    public TestContext TestContext { get; set; } = null!;

    /// <summary>Groups of the small model that travels with the tests, and all files of the oracles where they are.</summary>
    public static IEnumerable<object[]> Files =>
        new[]
        {
            ("importance", Repository.Fixture("diff-pruning", "importance.json"), Repository.Fixture("unet2d", "model_op17_dynbatch.onnx")),
            ("1.2.5", Repository.Oracle("diff-pruning", "importance_v1.2.5.json"), Repository.Oracle("unet2d", "model_op17_dynbatch.onnx")),
            ("1.6.1", Repository.Oracle("diff-pruning", "importance_v1.6.1.json"), Repository.Oracle("unet2d", "model_op17_dynbatch.onnx")),
            ("fashion", Repository.Oracle("fashion-ddpm", "diff-pruning", "importance_v1.2.5.json"), Repository.Oracle("fashion-ddpm", "model_op17.onnx")),
        }.Where(file => file is { Item2: not null, Item3: not null }).Select(file => new object[] { file.Item1, file.Item2!, file.Item3! });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Magnitude_is_that_of_torch_pruning(string name, string json, string path)
    {
        using var model = Model.Load(path);
        var official = OfficialGroups.Read(json, "magnitude", model.Graph);

        Check(name, official, new GroupScorer(new MagnitudeCriterion()), 1e-6);
    }

    private void Check(string name, OfficialGroups official, GroupScorer scorer, double tolerance)
    {
        Assert.IsNotEmpty(official.Groups);
        scorer.Read(official.Groups.Select(group => (group.Members, group.RawSum.Length)));
        var largest = 0.0;
        foreach (var group in official.Groups)
        {
            var scores = scorer.Score(group.Members, group.RawSum.Length)!;
            Assert.AreEqual(group.Members.Count, scores.Members);
            foreach (var (expected, actual) in group.RawSum.Zip(scores.Sums).Concat(group.Importance.Zip(scores.Scores)))
            {
                largest = Math.Max(largest, Math.Abs(actual - expected) / Math.Abs(expected));
                Assert.AreEqual(expected, actual, tolerance * Math.Abs(expected), group.Root);
            }
        }

        TestContext.WriteLine($"{name}: {official.Groups.Count} groups, largest relative error {largest:g3}");
    }
}
