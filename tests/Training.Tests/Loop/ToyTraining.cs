using CompressTool.Onnx;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;
using CompressTool.Training.RandomNumbers;
using CompressTool.Training.Tests.Optimization;

namespace CompressTool.Training.Tests.Loop;

/// <summary>Logistic regression on separable data with noise: small, convex, and quick to train.</summary>
internal static class ToyTraining
{
    public const int Features = 20, Samples = 96;

    public static ParameterSet Parameters() => ParameterSet.Create(
    [
        new("weight", Tensor.Floats([Features, 1], [.. Enumerable.Range(0, Features).Select(i => 0.1f * (i % 3))])),
        new("bias", Tensor.Floats([1], 0.25f)),
        new("unused", Tensor.Floats([40_000, 2], new float[80_000])),
    ]);

    public static ArraySource Source(int batchSize = 8, ulong dataSeed = 1)
    {
        var (inputs, labels) = (new float[Samples * Features], new float[Samples]);
        var stream = new RandomSource(dataSeed, "toy data").Stream();
        stream.FillNormal(inputs);
        for (var i = 0; i < Samples; i++)
        {
            double score = -0.5;
            for (var j = 0; j < Features; j++)
            {
                score += Math.Sin(j) * inputs[(i * Features) + j];
            }

            labels[i] = score + (stream.NextSingle() - 0.5) > 0 ? 1 : 0;
        }

        return new ArraySource([new("x", Tensor.Floats([Samples, Features], inputs)), new("label", Tensor.Floats([Samples], labels))], batchSize);
    }

    public static TrainerOptions Options(string? folder = null, long steps = 30) => new()
    {
        Steps = steps,
        Seed = 5,
        Optimizer = new AdamWOptions { LearningRate = 0.05 },
        Schedule = new LearningRateSchedule { Decay = LearningRateDecay.Cosine, WarmUpSteps = 4 },
        ClipNorm = 0.5,
        Average = new MovingAverageOptions { Decay = 0.9 },
        MicroBatch = 3,
        CheckpointFolder = folder,
        CheckpointEvery = 4,
        CheckpointInterval = TimeSpan.Zero,
    };

    /// <summary>All the bits that a training has made.</summary>
    public static byte[] Bytes(Trainer trainer) =>
    [
        .. Toy.Bytes(trainer.Parameters.Values),
        .. trainer.Average is { } average ? Toy.Bytes(average.Values) : [],
        .. trainer.Optimizer.State.SelectMany(state => Toy.Bytes(state.Block)),
    ];

    /// <summary>The bits of an undisturbed training.</summary>
    public static byte[] Undisturbed(TrainerOptions options)
    {
        using var parameters = Parameters();
        using var trainer = new Trainer(parameters, new LogisticStep(parameters), Source(), options with { CheckpointFolder = null });
        trainer.Run();
        return Bytes(trainer);
    }
}

/// <summary>The mean cross entropy of a logistic regression, and its gradients.</summary>
internal sealed class LogisticStep(ParameterSet parameters) : ITrainingStep
{
    /// <summary>Called before every computation with its number, from 0.</summary>
    public Action<int, Batch>? Before { get; set; }

    /// <summary>Changes what was computed.</summary>
    public Func<LossValue, ParameterBlock, LossValue>? After { get; set; }

    public int Calls { get; private set; }

    public LossValue Compute(Batch batch, ParameterBlock gradients, CancellationToken cancellationToken)
    {
        Before?.Invoke(Calls, batch);
        Calls++;
        cancellationToken.ThrowIfCancellationRequested();
        var weight = parameters.Values["weight"].AsSpan<float>();
        var bias = parameters.Values["bias"].AsSpan<float>()[0];
        var (x, labels) = (batch.Arrays["x"], batch.Arrays["label"]);
        var weightGradient = new double[weight.Length];
        double biasGradient = 0, loss = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var features = x.AsSpan<float>().Slice(i * weight.Length, weight.Length);
            double score = bias;
            for (var j = 0; j < weight.Length; j++)
            {
                score += weight[j] * features[j];
            }

            var label = labels.AsSpan<float>()[i];
            var probability = 1 / (1 + Math.Exp(-score));
            loss -= (label * Math.Log(probability)) + ((1 - label) * Math.Log(1 - probability));
            biasGradient += probability - label;
            for (var j = 0; j < weight.Length; j++)
            {
                weightGradient[j] += (probability - label) * features[j];
            }
        }

        gradients["bias"].AsSpan<float>()[0] = (float)(biasGradient / batch.Count);
        for (var j = 0; j < weight.Length; j++)
        {
            gradients["weight"].AsSpan<float>()[j] = (float)(weightGradient[j] / batch.Count);
        }

        var result = new LossValue(loss / batch.Count, [new("entropy", loss / batch.Count), new("nothing", 0)]);
        return After?.Invoke(result, gradients) ?? result;
    }

    public string? FindNonFinite(Batch batch, CancellationToken cancellationToken) => $"among {batch.Count} samples";
}
