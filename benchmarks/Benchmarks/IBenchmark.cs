namespace CompressTool.Benchmarks;

/// <summary>One comparison against a peer or a limit.</summary>
internal interface IBenchmark
{
    /// <summary>The name on the command line.</summary>
    string Name { get; }

    /// <summary>What is compared with what, in one line.</summary>
    string Description { get; }

    /// <summary>Measures and prints.</summary>
    void Run(BenchmarkContext context);
}

/// <summary>What benchmarks share.</summary>
/// <param name="Folder">A folder for files, deleted afterwards.</param>
/// <param name="Output">Where figures go.</param>
internal sealed record BenchmarkContext(string Folder, TextWriter Output)
{
    /// <summary>A path in the folder.</summary>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Prints a line with a figure, its limit, and whether it holds.</summary>
    public void Judge(string what, string figure, bool holds, string limit) =>
        Output.WriteLine($"{what,-44} {figure,-34} {(holds ? "ok" : "MISSED"),-7} (aim: {limit})");
}
