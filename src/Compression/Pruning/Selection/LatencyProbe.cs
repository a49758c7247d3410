using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Removal;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>Measures the share of a model's latency that is left without some channels: cuts a copy, and runs both in turns.</summary>
internal sealed class LatencyProbe : IDisposable
{
    private readonly DependencyGraph _dependencies;
    private readonly StageContext _context;
    private readonly string _folder;
    private readonly string _whole;

    /// <summary>Writes the whole model down.</summary>
    /// <param name="dependencies">The analysis of the model.</param>
    /// <param name="context">The stage.</param>
    public LatencyProbe(DependencyGraph dependencies, StageContext context)
    {
        (_dependencies, _context) = (dependencies, context);
        _folder = Path.Combine(context.WorkFolder ?? Path.GetTempPath(), $"latency-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_folder);
        _whole = Path.Combine(_folder, "whole.onnx");
        dependencies.Walk.Model.Save(_whole, cancellationToken: context.CancellationToken);
    }

    /// <summary>The share of the latency that is left, between 0 and about 1.</summary>
    /// <param name="choice">The channels that go.</param>
    /// <exception cref="CompressToolException">The model cannot be run on random inputs.</exception>
    public double Measure(ChannelChoice choice)
    {
        using var copy = Model.Load(_whole);
        var dependencies = DependencyGraph.Analyze(copy, _context.CancellationToken);

        // The same graph gives the same groups in the same order.
        var numbers = _dependencies.Groups.Concat(_dependencies.Heads).Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        PrunableGroup[] groups = [.. dependencies.Groups, .. dependencies.Heads];
        StructureRemoval.Run(dependencies, choice.Parts.Select(part => (groups[numbers[part.Group]], part.Channels)));
        var path = Path.Combine(_folder, "cut.onnx");
        copy.Save(path, cancellationToken: _context.CancellationToken);
        return LatencyComparison.Run(_whole, path, new OnnxRuntimeEngine(), null, new LatencyOptions { MaxSeconds = 10 }, _context.Seed, _context.CancellationToken).Ratio;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
