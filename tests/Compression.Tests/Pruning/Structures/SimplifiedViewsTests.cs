using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx.Passes;
using CompressTool.Runtime;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>What pruning simplifies in the graph besides changes no bit of the outputs.</summary>
[TestClass]
public sealed class SimplifiedViewsTests
{
    [TestMethod]
    public void Outputs_of_exported_models_stay_the_same_to_the_bit()
    {
        var all = 0;
        foreach (var sample in SampleModels.All)
        {
            using var model = sample.Load();
            var inputs = sample.Inputs();
            var before = ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);
            ConstantFolding.Run(model, keepWeights: true);
            all += ViewSimplification.Run(model);
            var after = ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);

            foreach (var (name, tensor) in before)
            {
                CollectionAssert.AreEqual(tensor.ToFloats(), after[name].ToFloats(), $"{sample.Name}: {name}");
            }
        }

        Assert.IsGreaterThan(0, all);
    }
}
