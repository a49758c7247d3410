using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class MalformedNodeTests
{
    private static readonly string[] s_attributes = ["axis", "axes", "perm", "pads", "strides", "dilations", "kernel_shape", "group", "keepdims", "to", "num_outputs", "num_heads",
        "kv_num_heads", "q_num_heads", "num_groups", "blocksize", "K", "N", "bits", "k", "batch_dims", "hidden_size", "layout", "starts", "ends", "split", "shape", "ceil_mode",
        "output_shape", "output_padding", "start", "end", "qkv_hidden_sizes", "num_scan_inputs", "stash_type", "gather_axis", "channels_last", "equation", "auto_pad", "direction", "scales"];

    /// <summary>Whatever a file says, it is inferred, folded and measured, or refused with a message.</summary>
    [TestMethod]
    public void No_operator_crashes()
    {
        var random = new Random(11);
        var (fine, refused) = (0, 0);
        var crashes = new Dictionary<string, string>();
        for (var round = 0; round < 60; round++)
        {
            foreach (var (domain, opType) in OperatorRules.All)
            {
                using var model = RandomModel(domain, opType, random);
                try
                {
                    ShapeInference.Analyze(model);
                    ModelCost.Measure(model);
                    ConstantFolding.Run(model);
                    fine++;
                }
                catch (CompressToolException e)
                {
                    Assert.IsTrue(e.Code == OnnxErrors.ShapeMismatch || e.Code == OnnxErrors.InvalidGraph, e.ToString());
                    refused++;
                }
                catch (Exception e)
                {
                    var node = model.Graph.Nodes[^1];
                    var attributes = node.Attributes.Select(attribute => $"{attribute.Name}={(attribute.Value is IReadOnlyList<long> list ? string.Join(',', list) : attribute.Value)}");
                    crashes.TryAdd($"{e.GetType()} {e.StackTrace!.Split('\n').First(line => line.Contains("CompressTool", StringComparison.Ordinal))}",
                        $"opset {model.Opset} {opType}({string.Join("; ", node.Inputs)}) {string.Join(' ', attributes)}: {e.Message}");
                }
            }
        }

        Assert.IsEmpty(crashes, string.Join('\n', crashes));
        Assert.IsGreaterThan(1000, fine);
        Assert.IsGreaterThan(1000, refused);
    }

    private static Model RandomModel(string domain, string opType, Random random)
    {
        var model = new Model();
        model.OpsetImports[""] = random.Next(1, 25);
        var inputs = new List<Value?>();
        for (var index = random.Next(7); index > 0; index--)
        {
            inputs.Add(random.Next(10) switch
            {
                0 => null,
                1 => Input(model, new Value($"x{index}")),
                2 => Input(model, new Value($"x{index}", new TensorType(DataType.Float, null))),
                3 or 4 => model.Graph.AddInitializer($"n{index}", Numbers(random)),
                5 => model.Graph.AddInitializer($"f{index}", Tensor.Floats([2], random.Next(-3, 4), float.NaN)),
                var kind => Input(model, new Value($"x{index}", new TensorType(kind == 6 ? DataType.UInt8 : DataType.Float, RandomShape(random)))),
            });
        }

        var attributes = s_attributes.Where(_ => random.Next(5) == 0).Select(name => random.Next(4) switch
        {
            0 => Attribute.Ints(name, [.. Enumerable.Range(0, random.Next(5)).Select(_ => (long)random.Next(-3, 5))]),
            1 when name is "equation" or "auto_pad" or "direction" => Attribute.String(name, random.Next(2) == 0 ? "ij,jk->ik" : "SAME_UPPER"),
            _ => Attribute.Int(name, random.Next(8) == 0 ? long.MaxValue : random.Next(-3, 9)),
        });
        if (opType is "If" or "Loop" or "Scan")
        {
            var body = new Graph();
            for (var index = random.Next(4); index > 0; index--)
            {
                body.AddInput(new Value($"b{index}"));
            }

            body.Outputs.AddRange([.. body.Inputs, body.AddNode(null, "Concat", "inner", [.. body.Inputs, .. inputs], null, "", Attribute.Int("axis", 0))]);
            attributes = attributes.Append(new Attribute(opType == "If" ? "then_branch" : "body", AttributeKind.Graph, body));
        }

        model.Graph.Add(new Node(opType, inputs, Enumerable.Range(0, random.Next(4)).Select(index => new Value($"y{index}")), "node", domain, attributes.ToArray()));
        return model;
    }

    private static Tensor Numbers(Random random)
    {
        long[] numbers = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(9) == 0 ? long.MaxValue : random.Next(9) == 0 ? long.MinValue : (long)random.Next(-4, 9))];
        return numbers.Length == 1 && random.Next(2) == 0 ? Tensor.Int64(numbers[0]) : Tensor.Int64s(numbers);
    }

    private static Shape RandomShape(Random random) =>
        new([.. Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(8) switch { 0 => new Dim("n"), 1 => Dim.Unknown, 2 => new Dim(0), _ => new Dim(random.Next(1, 6)) })]);

    private static Value Input(Model model, Value value)
    {
        model.Graph.AddInput(value);
        return value;
    }
}
