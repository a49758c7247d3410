using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Engine;

/// <summary>
/// Where a training keeps parameters, gradients and the optimizer's state from step to step, when that is not the CPU: in the
/// memory of the device that the gradients are computed on, where the optimizer is a graph as well.
/// </summary>
/// <param name="Engine">The engine that runs the gradient.</param>
/// <param name="Options">The options it was compiled with.</param>
public sealed record TrainingDevice(IEngine Engine, EngineOptions Options)
{
    /// <summary>The device of some options; null for the CPU, where one fused pass over all parameters is faster than a graph.</summary>
    public static TrainingDevice? Of(IEngine engine, EngineOptions? options) =>
        options?.Providers is [var first, ..] && !first.Name.StartsWith("CPU", StringComparison.OrdinalIgnoreCase) ? new TrainingDevice(engine, options) : null;
}
