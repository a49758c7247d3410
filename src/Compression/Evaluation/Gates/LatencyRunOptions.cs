using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>The runs by which gates measure latency.</summary>
public record LatencyRunOptions
{
    /// <summary>How often each model is run.</summary>
    [Option("How often each model is run; less often once the runs have taken a minute, but at least 5 times.", Min = 5, Max = 10000, Example = "51")]
    public int Runs { get; init; } = 21;

    /// <summary>How often each model is run before the runs that count.</summary>
    [Option("How often each model is run before the runs that count.", Min = 0, Max = 1000, Example = "5")]
    public int WarmUp { get; init; } = 2;

    /// <summary>Threads that a run uses.</summary>
    [Option("Threads that a run uses; 0 for one per physical core.", Min = 0, Max = 1024, Example = "1")]
    public int Threads { get; init; }

    /// <summary>Length of the first dimension of random inputs where it is symbolic.</summary>
    [Option("Length of the first dimension of random inputs where the model leaves it open.", Min = 1, Max = 4096, Example = "2")]
    public int Batch { get; init; } = 1;

    /// <summary>Lengths of other symbolic dimensions of random inputs, by symbol.</summary>
    [Option("Lengths of the other open dimensions of random inputs, by their names in the model; 1 where left out.", Example = "{ height: 64, width: 64 }")]
    public IReadOnlyDictionary<string, long> Dims { get; init; } = new Dictionary<string, long>();

    /// <summary>Threads for a message.</summary>
    internal string ThreadText => Threads switch { 0 => "all cores", 1 => "1 thread", _ => $"{Threads} threads" };

    /// <summary>The measurement.</summary>
    /// <param name="factor">How many rows of inputs there are for each of the batch.</param>
    internal LatencyOptions ToMeasurement(int factor = 1) =>
        new() { Runs = Runs, WarmUp = WarmUp, Threads = Threads, Inputs = new InputOptions { Batch = Batch * factor, Dims = Dims } };
}
