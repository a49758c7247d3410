using System.Globalization;
using CompressTool.Training.Engine;

namespace CompressTool.Benchmarks.Training;

/// <summary>What gradient checkpointing saves in resident memory, and what it costs in time.</summary>
internal sealed class CheckpointingBenchmark : IBenchmark
{
    private const int Runs = 5;

    public string Name => "checkpointing";

    public string Description => "peak resident memory and time of a training step with segments computed twice against keeping everything.";

    public void Run(BenchmarkContext context)
    {
        int[] segments = [1, 2, 4, 8, 0];
        foreach (var unet in UNetModel.All.Skip(1))
        {
            var memory = segments.Select(count => TrainingBenchmark.Memory(context, unet, count).PeakBytes / 1e6).ToArray();

            // In turns, so that other work on the machine disturbs all alike.
            var sessions = segments.Select(count => new TrainingSession(unet.Create(unet.Batch), new GradientOptions { Segments = count })).ToArray();
            var times = Measure.InTurns(Runs, [.. sessions.Select(session => (Action)session.Step)]);
            foreach (var (index, session) in sessions.Index())
            {
                session.Dispose();
                context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{unet.Name,-8} segments {(segments[index] == 0 ? "auto" : segments[index]),-5} {memory[index],6:0} MB ({memory[index] / memory[0]:0.00} x)  step {1000 * times[index].Best,6:0} ms ({times[index].Best / times[0].Best:0.00} x)"));
            }
        }
    }
}
