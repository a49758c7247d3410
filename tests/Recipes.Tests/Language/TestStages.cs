using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Recipes.Tests.Language;

/// <summary>Options with a key of every type that the language has.</summary>
internal sealed record AllOptions
{
    [Option("A switch.")]
    public bool Flag { get; init; }

    [Option("A bounded whole number.", Min = 1, Max = 100_000, Example = "20_000")]
    public int Count { get; init; } = 10;

    [Option("A whole number.")]
    public long BigNumber { get; init; } = 7;

    [Option("A number with a lower limit.", Min = 0)]
    public double Rate { get; init; } = 0.5;

    [Option("Text.")]
    public string Label { get; init; } = "none";

    [Option("A word.")]
    public Criterion Criterion { get; init; } = Criterion.Magnitude;

    [Option("A share.", Min = 0, Max = 1, Example = "50%")]
    public Fraction Share { get; init; } = new(0.25);

    [Option("A size.")]
    public ByteSize Room { get; init; } = new(4096);

    [Option("A limit.")]
    public SizeLimit? Limit { get; init; }

    [Option("A file.")]
    public RecipePath? Table { get; init; }

    [Option("Layers.")]
    public LayerSelector Layers { get; init; } = new();

    [Option("A choice.")]
    public Target? Target { get; init; }

    [Option("A list.", Min = 1)]
    public IReadOnlyList<int> Sizes { get; init; } = [];

    [Option("Free keys.")]
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    [Option("A list of records.")]
    public IReadOnlyList<Part> Parts { get; init; } = [];
}

internal enum Criterion
{
    Magnitude,
    Taylor,
    [OptionName("diff-taylor", Description = "Taylor over time steps.")]
    Difference,
    [OptionName("n:m")]
    NOfM,
}

[ExactlyOne]
internal sealed record Target
{
    [Option("Share of zeros.", Min = 0, Max = 0.99)]
    public Fraction? Sparsity { get; init; }

    [Option("Share of work.", Min = 0, Max = 1)]
    public Fraction? Macs { get; init; }
}

internal sealed record Part
{
    [Option("The part's name.", Required = true, Example = "head")]
    public string Name { get; init; } = "";

    [Option("The part's weight.")]
    public double Weight { get; init; } = 1;
}

/// <summary>A stage that does nothing and takes everything.</summary>
internal sealed class AllStage : Stage<AllOptions>
{
    public override StageInfo Info { get; } = new("all", 1, "Takes every type of option.", "all: { count: 20_000, share: 50%, criterion: n:m, target: { macs: 56% } }");

    protected override void Validate(AllOptions options, OptionErrors errors)
    {
        if (options.Flag && options.Sizes.Count == 0)
        {
            errors.Add("flag", "'flag' needs 'sizes'");
        }

        if (options.Layers.Include.Contains("nothing"))
        {
            errors.Add("layers.include[1]", "'nothing' is not a layer");
        }
    }

    protected override StageResult Run(Model model, AllOptions options, StageContext context) => new(model, new JsonObject());
}

/// <summary>A stage with a required key.</summary>
internal sealed class NeedyStage : Stage<Part>
{
    public override StageInfo Info { get; } = new("needy", 1, "Needs a key.", "needy: { name: head }");

    protected override StageResult Run(Model model, Part options, StageContext context) => new(model, new JsonObject());
}

internal sealed record LimitOptions
{
    [Option("The largest size.", Required = true, Example = "25%")]
    public SizeLimit Max { get; init; }
}

/// <summary>A gate that always passes.</summary>
internal sealed class LimitGate : Gate<LimitOptions>
{
    public override GateInfo Info { get; } = new("limit", 1, "Limits something.", "limit: { max: 25% }");

    protected override GateResult Evaluate(LimitOptions options, GateContext context) => new(true, 0, "nothing measured");
}
