using CompressTool.Onnx;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;
using CompressTool.Training.Tests.Differentiation;
using CompressTool.Training.Tests.Optimization;

namespace CompressTool.Training.Tests.Loop;

/// <summary>The loop on an exported U-Net.</summary>
[TestClass]
public sealed class UNetTrainingTests
{
    private const int Steps = 8;

    [TestMethod]
    public void A_training_that_was_cut_off_ends_with_the_same_bits()
    {
        using var folder = new TempFolder();
        var options = Options with { Average = new MovingAverageOptions(), ClipNorm = 1 };
        var (undisturbed, losses, _) = Run(options);
        Run(options with { CheckpointFolder = folder.Path }, stopAfter: 3);

        var (resumed, rest, from) = Run(options with { CheckpointFolder = folder.Path });

        Assert.AreEqual(3, from!.Step);
        CollectionAssert.AreEqual(losses[3..], rest);
        CollectionAssert.AreEqual(undisturbed, resumed);
        Assert.IsLessThan(0.95 * losses[0], losses[^1]);
    }

    [TestMethod]
    public void Pruned_weights_stay_zero_while_the_others_recover()
    {
        var pruned = new Dictionary<string, ParameterMask>();
        var (_, losses, _) = Run(Options, prepare: Prune, finish: Check);
        Assert.IsGreaterThan(10, pruned.Count);
        Assert.IsLessThan(0.95 * losses[0], losses[^1]);

        void Prune(ParameterSet parameters)
        {
            foreach (var slot in parameters.Layout.Slots.Where(slot => slot.Dims.Count == 4))
            {
                var weights = parameters.Values[slot.Name].AsSpan<float>();
                var sizes = weights.ToArray().Select(Math.Abs).Order().ToArray();
                var mask = pruned[slot.Name] = new ParameterMask(slot.Count);
                for (var i = 0; i < weights.Length; i++)
                {
                    mask[i] = Math.Abs(weights[i]) > sizes[sizes.Length / 2];
                }

                parameters.SetMask(slot.Name, mask);
            }
        }

        void Check(ParameterSet parameters)
        {
            foreach (var (name, mask) in pruned)
            {
                var weights = parameters.Values[name].AsSpan<float>();
                var zeros = 0;
                for (var i = 0; i < weights.Length; i++)
                {
                    zeros += weights[i] == 0 ? 1 : 0;
                    Assert.IsTrue(mask[i] || weights[i] == 0, $"{name}[{i}]");
                }

                Assert.AreEqual((weights.Length / 2) + 1, zeros, 0.02 * weights.Length, name);
            }
        }
    }

    private static TrainerOptions Options => new()
    {
        Steps = Steps,
        Optimizer = new AdamWOptions { LearningRate = 1e-3 },
        CheckpointInterval = TimeSpan.Zero,
    };

    private static (byte[] Bytes, double[] Losses, ResumedTraining? Resumed) Run(TrainerOptions options, long stopAfter = Steps, Action<ParameterSet>? prepare = null, Action<ParameterSet>? finish = null)
    {
        var folder = Repository.Fixture("unet2d-cifarstyle");
        using var model = Model.Load(Path.Combine(folder, "model_op14.onnx"));
        var graph = TrainingGraph.Create(model);
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        graph.Builder.AddOutput("loss", ReferenceModel.MeanSquaredError(output, graph.Builder.Input("target", DataType.Float, output.Dims)));
        using var parameters = ParameterSet.Create(graph.Parameters);
        prepare?.Invoke(parameters);
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, "loss", [.. graph.Parameters.Keys]);
        using var step = new FunctionStep(function, parameters);
        var source = new ArraySource(new[] { "sample", "timestep", "target" }.Select(name => KeyValuePair.Create(name, NpyFile.Read(Path.Combine(folder, "io", name + ".npy")))), 2);
        using var trainer = new Trainer(parameters, step, source, options);
        using var cancel = new CancellationTokenSource();
        var events = new TrainerTests.Events { Seen = e => Stop(e, stopAfter, cancel) };
        try
        {
            trainer.Run(events, cancel.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.AreEqual(stopAfter, trainer.Step);
        }

        finish?.Invoke(parameters);
        return ([.. ToyTraining.Bytes(trainer), .. Toy.Bytes(parameters.Gradients)], [.. events.All.Select(e => e.Loss.Total)], trainer.Resumed);
    }

    private static void Stop(TrainingProgress progress, long after, CancellationTokenSource cancel)
    {
        if (progress.Step == after && after < Steps)
        {
            cancel.Cancel();
        }
    }
}
