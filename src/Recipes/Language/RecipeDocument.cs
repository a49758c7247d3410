using CompressTool.Compression.Options;

namespace CompressTool.Recipes.Language;

/// <summary>The top level of a recipe file as the binder, the schema and the reference see it.</summary>
internal sealed record RecipeDocument
{
    public const int CurrentVersion = 1;

    [Option("Version of the recipe language.", Required = true, Min = CurrentVersion, Max = CurrentVersion, Example = "1")]
    public int Version { get; init; }

    [Option("The model to compress, relative to the recipe: an .onnx file, or a diffusers folder, with one of its components behind it (models/sd15#unet) where it is not the one that removes noise.", Required = true, Example = "models/unet.onnx")]
    public ModelFile? Model { get; init; }

    [Option("All randomness of the recipe derives from it: the same seed gives the same bytes.", Example = "42")]
    public long Seed { get; init; }

    [Option("Named values, used as ${name} in any value below; --set name=value and MSBuild properties override them.", Example = "{ share: 50% }")]
    public VariableSet? Variables { get; init; }

    [Option("Data for measuring and calibrating.")]
    public DataOptions Data { get; init; } = new();

    [Option("What is done to the model, in order: each item is one kind of stage with its options.", Required = true)]
    public IReadOnlyList<RecipeStage> Stages { get; init; } = [];

    [Option("Checks on the finished model; one that does not pass fails the build.")]
    public IReadOnlyList<RecipeGate> Gates { get; init; } = [];

    [Option("The files to produce. One .onnx file named after the recipe is always made when none is named.", Example = "[{ format: onnx, name: unet.onnx }]")]
    public IReadOnlyList<RecipeOutput> Outputs { get; init; } = [];

    [Option("A report beside each .onnx output, NAME.report.html: one page that needs no network, with sizes, layers, stages and gates, and with figures and pictures where the last stage is evaluate.", Example = "html")]
    public ReportFormat? Report { get; init; }
}

/// <summary>The data that a recipe names.</summary>
internal sealed record DataOptions
{
    [Option("Given inputs for gates: a .npy file for each input of the model, or one .safetensors file for all. Random inputs when left out.", Example = "{ sample: data/sample.npy }")]
    public InputFiles? Inputs { get; init; }
}

/// <summary>An output as written in a recipe.</summary>
internal sealed record OutputOptions
{
    [Option("Format.", Required = true, Example = "onnx")]
    public OutputFormat Format { get; init; }

    [Option("Name of the file, or of the folder for diffusers, without folders before it; the recipe's name when left out.", Example = "unet.onnx")]
    public string? Name { get; init; }
}

/// <summary>The model that a recipe names: a file, or a diffusers folder.</summary>
internal sealed record ModelFile(RecipePath Path, bool IsFolder);

/// <summary>Stands for the variables, which are read before all else.</summary>
internal sealed record VariableSet(IReadOnlyDictionary<string, string> Values);
