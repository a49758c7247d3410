using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;

namespace CompressTool.Recipes.Planning;

/// <summary>What a recipe comes to: its stages with their keys. Made without running anything.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Input">The model it starts from.</param>
/// <param name="Stages">The stages, in order.</param>
/// <param name="GatesKey">The key of the gates' verdict: what they ask, of which model, against which model.</param>
public sealed record Plan(Recipe Recipe, InputModel Input, IReadOnlyList<PlannedStage> Stages, string GatesKey)
{
    /// <summary>The recipe's name.</summary>
    public string Name => Recipe.Name;
}

/// <summary>A stage of a plan.</summary>
/// <param name="Index">Its position, from 0.</param>
/// <param name="Stage">The method.</param>
/// <param name="Options">Its options, with their places in the recipe.</param>
/// <param name="Ingredients">What the key is made of; two plans differ in a stage exactly where these differ.</param>
/// <param name="Key">SHA-256 of the ingredients, lower-case hexadecimal.</param>
public sealed record PlannedStage(int Index, IStage Stage, BoundOptions Options, JsonObject Ingredients, string Key)
{
    /// <summary>The kind of stage, e.g. <c>prune</c>.</summary>
    public string Kind => Stage.Info.Kind;

    /// <summary>The name used for files, targets and progress, e.g. <c>01-prune</c>.</summary>
    public string Id => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Index + 1:00}-{Kind}");

    /// <summary>Gives an error that is about an option its place in the recipe.</summary>
    public void Locate(CompressToolException error) => error.Location ??= Options.LocationOf(error.OptionPath);
}

/// <summary>The model a recipe starts from, with its weight files.</summary>
/// <param name="Path">Full path of the model file, or of a diffusers folder.</param>
/// <param name="Files">All files with length and time of change, the model file first.</param>
/// <param name="Sha256">SHA-256 over the hashes of all files, and for a diffusers folder over what else makes the model of it.</param>
public sealed record InputModel(string Path, IReadOnlyList<InputFile> Files, string Sha256)
{
    /// <summary>How it is made of a diffusers folder; null when it is an .onnx file.</summary>
    public PlannedImport? Import { get; init; }

    /// <summary>Opens the model; of a diffusers folder it is made in memory.</summary>
    /// <exception cref="CompressToolException">A file is missing, damaged, or of something that is not supported.</exception>
    public Model Open() => Import is null ? Model.Load(Path) : DiffusersImporter.Import(Import.Component, Import.Options);

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Bytes);

    /// <summary>Throws when a file is not what it was when it was hashed: a result must not carry the name of other content.</summary>
    /// <exception cref="CompressToolException">A file was changed meanwhile.</exception>
    public void ThrowIfChanged()
    {
        foreach (var file in Files)
        {
            if (InputFile.Of(file.Path) != file)
            {
                throw new CompressToolException(OnnxErrors.ReadFailed, $"'{file.Path}' was changed while it was being read; build again when it is complete");
            }
        }
    }
}

/// <summary>A model that is imported from a diffusers folder before the first stage.</summary>
/// <param name="Component">The model in the folder.</param>
/// <param name="Options">How it is imported.</param>
/// <param name="Ingredients">What its key is made of.</param>
public sealed record PlannedImport(DiffusersComponent Component, ImportOptions Options, JsonObject Ingredients)
{
    /// <summary>The kind of artifact.</summary>
    public const string Kind = "import";

    /// <summary>SHA-256 of the ingredients, lower-case hexadecimal: the artifact's key.</summary>
    public string Key { get; } = StageKey.Of(Ingredients);
}

/// <summary>A file as it was seen.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Bytes">Length.</param>
/// <param name="ChangedTicks">UTC ticks of the last change.</param>
public sealed record InputFile(string Path, long Bytes, long ChangedTicks)
{
    /// <summary>A file as it is now; length -1 when it is missing.</summary>
    public static InputFile Of(string path)
    {
        var info = new FileInfo(path);
        return info.Exists ? new InputFile(info.FullName, info.Length, info.LastWriteTimeUtc.Ticks) : new InputFile(info.FullName, -1, 0);
    }
}
