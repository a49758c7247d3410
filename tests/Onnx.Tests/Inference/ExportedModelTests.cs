using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ExportedModelTests
{
    [TestMethod]
    public void Every_value_has_a_complete_type()
    {
        Assert.IsNotEmpty(TestModels.Paths);
        foreach (var path in TestModels.Paths)
        {
            using var model = TestModels.Load(path);
            var symbols = model.Graph.Inputs.SelectMany(input => input.Shape!).Select(dim => dim.Symbol).OfType<string>().ToHashSet();
            var result = ShapeInference.Run(model);
            Assert.IsEmpty(result.Incomplete, path);
            foreach (var value in model.Graph.Values())
            {
                Assert.AreNotEqual(DataType.Undefined, value.ElementType, value.Name);
                Assert.IsNotNull(value.Shape, value.Name);
                foreach (var dim in value.Shape)
                {
                    Assert.IsTrue(dim.Value > 0 || (dim.Symbol is { } symbol && ExpressionParser.Parse(symbol).Symbols().All(atom => symbols.Contains(atom.Text))), $"{path}: {value}");
                }
            }
        }
    }

    [TestMethod]
    public void Outputs_are_as_declared()
    {
        foreach (var path in TestModels.Paths)
        {
            using var model = TestModels.Load(path);
            var declared = model.Graph.Outputs.Select(output => output.TensorType!).ToArray();
            ShapeInference.Run(model);
            foreach (var (index, output) in model.Graph.Outputs.Index())
            {
                Assert.AreEqual(declared[index].ElementType, output.ElementType);
                foreach (var (axis, dim) in declared[index].Shape!.Index())
                {
                    // The exporter invents names such as Reshapeout_sample_dim_1 for what it does not know.
                    if (dim.Symbol?.Contains("_dim_", StringComparison.Ordinal) != true)
                    {
                        Assert.AreEqual(dim, output.Shape![axis], $"{path}: {output}");
                    }
                }
            }
        }
    }

    [TestMethod]
    public void Binding_the_symbols_gives_what_the_expressions_say()
    {
        foreach (var path in TestModels.Paths)
        {
            using var model = TestModels.Load(path);
            using var bound = TestModels.Load(path);
            var numbers = TestModels.Bindings(model, batch: 2);
            ShapeInference.Run(model);
            ShapeInference.Run(bound, TestModels.Bound(bound, batch: 2));
            foreach (var (value, other) in model.Graph.Values().Zip(bound.Graph.Values()))
            {
                Assert.AreEqual(value.Name, other.Name);
                var expected = value.Shape!.Select(dim => dim.Value ?? ExpressionParser.Parse(dim.Symbol!).Substitute(symbol => numbers[symbol]).Number!.Value);
                CollectionAssert.AreEqual(expected.ToArray(), other.Shape!.ToArray(), $"{path}: {value}");
            }
        }
    }

    [TestMethod]
    public void Inferring_again_changes_nothing()
    {
        foreach (var path in TestModels.Paths)
        {
            using var model = TestModels.Load(path);
            ShapeInference.Run(model);
            var types = model.Graph.Values().Select(value => value.ToString()).ToArray();
            ShapeInference.Run(model);
            CollectionAssert.AreEqual(types, model.Graph.Values().Select(value => value.ToString()).ToArray());
            ShapeInference.Run(model, new InferenceOptions { Refresh = true });
            CollectionAssert.AreEqual(types, model.Graph.Values().Select(value => value.ToString()).ToArray());
        }
    }

    [TestMethod]
    public void Shapes_inside_the_unet_are_the_architecture()
    {
        using var model = TestModels.Cifar();
        ShapeInference.Run(model);
        var values = model.Graph.Values().ToDictionary(value => value.Name);

        // Four resolutions of 32 to 4 with 128, 256, 256, 256 channels; one head of 256 over 16 x 16 positions.
        Assert.AreEqual("float32[batch,128,32,32]", values.Single(value => value.Key.EndsWith("/conv_in/Conv_output_0", StringComparison.Ordinal)).Value.Type!.ToString());
        var convolutions = model.Graph.Nodes.Where(node => node.Is("Conv")).Select(node => node.Outputs[0]!.Shape!.ToString()).ToHashSet();
        foreach (var shape in new[] { "[batch,128,32,32]", "[batch,128,16,16]", "[batch,256,16,16]", "[batch,256,8,8]", "[batch,256,4,4]", "[batch,3,32,32]" })
        {
            Assert.Contains(shape, convolutions);
        }

        Assert.Contains("float32[batch,256,256]", model.Graph.Nodes.Where(node => node.Is("Softmax")).Select(node => node.Outputs[0]!.Type!.ToString()));
        Assert.AreEqual("float32[batch,512]", model.Graph.Nodes.Where(node => node.Is("Gemm")).First().Outputs[0]!.Type!.ToString());
    }

    [TestMethod]
    public void Sizes_of_the_big_unet_stay_symbolic()
    {
        if (Repository.Oracle("big", "sd15-unet.onnx") is not { } path)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var model = TestModels.Load(path);
        ShapeInference.Run(model);
        Assert.AreEqual("float32[batch,4,height,width]", model.Graph.Outputs[0].Type!.ToString());
        var softmax = model.Graph.Nodes.Where(node => node.Is("Softmax")).Select(node => node.Outputs[0]!.Shape!.ToString()).ToHashSet();
        Assert.Contains("[8*batch,height*width,height*width]", softmax);
        Assert.Contains("[8*batch,floor((height + 1)/2)*floor((width + 1)/2),sequence]", softmax);
    }
}
