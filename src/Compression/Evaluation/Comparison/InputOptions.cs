using CompressTool.Compression.Options;

namespace CompressTool.Compression.Evaluation;

/// <summary>What models are run on to compare them. Given inputs (data.inputs of the recipe) go before random ones.</summary>
public record InputOptions
{
    /// <summary>How many random inputs.</summary>
    [Option(
        "How many sets of random inputs to run when the recipe gives none (data.inputs): normal numbers of variance 1, whole numbers below 1000 for timesteps "
            + "and other integers, below the length of the table where they index one, and 1 for masks.",
        Min = 1, Max = 1000, Example = "4")]
    public int Samples { get; init; } = 1;

    /// <summary>Length of the first dimension of random inputs where it is symbolic.</summary>
    [Option("Length of the first dimension of random inputs where the model leaves it open.", Min = 1, Max = 4096, Example = "2")]
    public int Batch { get; init; } = 1;

    /// <summary>Lengths of other symbolic dimensions of random inputs, by symbol.</summary>
    [Option("Lengths of the other open dimensions of random inputs, by their names in the model; 1 where left out.", Example = "{ height: 64, width: 64 }")]
    public IReadOnlyDictionary<string, long> Dims { get; init; } = new Dictionary<string, long>();
}
