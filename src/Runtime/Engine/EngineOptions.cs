using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Runtime.Engine;

/// <summary>How an engine runs a model.</summary>
public sealed record EngineOptions
{
    /// <summary>Threads that one run uses; 0 (the default) for one per physical core.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Whether the engine may rewrite the graph (fold constants, fuse nodes) before it runs; true by default. Off, values
    /// inside the graph are computed as the model says.
    /// </summary>
    public bool Optimize { get; init; } = true;

    /// <summary>
    /// Whether the engine may compute in integers what stands between DequantizeLinear and QuantizeLinear; true by default. Off, these
    /// two round as the model says, and what is between them is computed in floats.
    /// </summary>
    public bool FuseQuantization { get; init; } = true;

    /// <summary>Whether the same feeds must give the same bits on every run on the same machine; true by default.</summary>
    public bool Deterministic { get; init; } = true;

    /// <summary>Where nodes run, the preferred one first; the CPU takes what is left. Empty (the default) for the CPU alone.</summary>
    public IReadOnlyList<ExecutionProvider> Providers { get; init; } = [];

    /// <summary>Where the times of all nodes are written when the function is disposed: the start of the file's path; null (the default) for nowhere.</summary>
    public string? ProfilePath { get; init; }

    /// <summary>
    /// Whether the memory of later runs is planned as one block from the first run's; true by default. The block comes beside
    /// what the first run took: off, a graph with many large values needs about half as much.
    /// </summary>
    public bool PlanMemory { get; init; } = true;

    /// <summary>
    /// Whether memory matters more than speed; false by default. On, weights stay as they are in the model's file, which is mapped, instead of
    /// being packed for the processor, and memory that is not needed any more goes back to the system at once.
    /// </summary>
    public bool SaveMemory { get; init; }

    /// <summary>
    /// Operators written in C# that the model may use beside the engine's own; none by default. They run on the CPU, so
    /// a model for another provider is better left in standard operators.
    /// </summary>
    public IReadOnlyList<CustomOperator> CustomOperators { get; init; } = [];
}

/// <summary>An execution provider and its options.</summary>
/// <param name="Name">Its name, e.g. <c>CUDA</c>.</param>
/// <param name="Options">The provider's own options, e.g. <c>device_id</c>; null for its defaults.</param>
public sealed record ExecutionProvider(string Name, IReadOnlyDictionary<string, string>? Options = null);
