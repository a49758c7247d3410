using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>What binding shares: where errors, places and files go, and what is known.</summary>
internal sealed class BindingContext(string recipeName, DiagnosticList diagnostics, PathRules paths, IReadOnlyList<IStage> stages, IReadOnlyList<IGate> gates)
{
    /// <summary>The recipe's name.</summary>
    public string RecipeName => recipeName;

    public DiagnosticList Diagnostics => diagnostics;

    public PathRules Paths => paths;

    public IReadOnlyList<IStage> Stages => stages;

    public IReadOnlyList<IGate> Gates => gates;

    /// <summary>The place of each value by option path.</summary>
    public Dictionary<string, SourceLocation> Positions { get; private init; } = new(StringComparer.Ordinal);

    /// <summary>The files that the recipe names.</summary>
    public List<RecipeFile> Files { get; private init; } = [];

    /// <summary>The sets of files that the recipe names.</summary>
    public List<RecipeFiles> FileSets { get; private init; } = [];

    /// <summary>A context for one stage or gate, whose option paths begin anew.</summary>
    public BindingContext ForOptions() => new(recipeName, diagnostics, paths, stages, gates) { Files = Files, FileSets = FileSets };

    public void Error(ErrorCode code, SourceLocation location, string message) => diagnostics.Error(code, location, message);

    /// <summary>Reports a value of the wrong type.</summary>
    public void WrongType(YamlNode node, Place place, string noun)
    {
        var advice = node is YamlScalar { IsPlain: false } scalar && YamlCore.TryNumber(scalar with { IsPlain = true }, out _) ? "; remove the quotes" : "";
        Error(RecipeErrors.WrongType, node.Location, $"'{place.Name}' must be {noun}, not {node.Describe()}{advice}");
    }

    /// <summary>Checks a number against the limits of its option; <paramref name="text"/> words a number in the option's unit.</summary>
    public bool InRange(double value, OptionAttribute limits, YamlScalar scalar, Place place, Func<double, string> text, string advice = "")
    {
        if (value >= limits.Min && value <= limits.Max)
        {
            return true;
        }

        var range = double.IsInfinity(limits.Max) ? $"at least {text(limits.Min)}"
            : double.IsInfinity(limits.Min) ? $"at most {text(limits.Max)}"
            : $"between {text(limits.Min)} and {text(limits.Max)}";
        Error(RecipeErrors.OutOfRange, scalar.Location, $"'{place.Name}' must be {range} (was {text(value)}{scalar.From}){advice}");
        return false;
    }
}

/// <summary>Where in an options record a value stands.</summary>
/// <param name="Path">The option path: <c>target.sparsity</c>, <c>layers.include[1]</c>; empty for the record itself.</param>
/// <param name="Name">The name for messages: the path's last part.</param>
/// <param name="Owner">The key that the value belongs to; what is missing in the value is reported here.</param>
internal readonly record struct Place(string Path, string Name, SourceLocation Owner)
{
    /// <summary>The place of a key below this one.</summary>
    public Place Key(string name, SourceLocation key) => new(Path.Length == 0 ? name : $"{Path}.{name}", name, key);

    /// <summary>The place of a list item below this one.</summary>
    public Place Item(int index, SourceLocation item) => new($"{Path}[{index}]", $"{Name}[{index}]", item);
}
