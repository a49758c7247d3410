namespace CompressTool.Compression.Evaluation;

/// <summary>All kinds of gates. A new gate adds one line here.</summary>
public static class GateRegistry
{
    /// <summary>The gates, in the order the reference lists them.</summary>
    public static IReadOnlyList<IGate> All { get; } =
    [
        new SizeGate(),
        new ParametersGate(),
        new SparsityGate(),
        new MaxAbsErrorGate(),
        new PsnrGate(),
        new LatencyGate(),
    ];

    /// <summary>The gate of a kind; null when there is none.</summary>
    public static IGate? Find(string kind) => All.FirstOrDefault(gate => gate.Info.Kind == kind);
}
