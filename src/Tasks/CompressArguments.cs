using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace CompressTool.Tasks;

/// <summary>
/// Writes the arguments of planning to a file, only when they have changed: the file is an input of planning, so that a changed
/// property plans again and an edit elsewhere in the project does not.
/// </summary>
public sealed class CompressArguments : Task
{
    private readonly List<ITaskItem> _diagnostics = [];

    /// <summary>The file to write.</summary>
    [Required]
    public string ArgumentsFile { get; set; } = string.Empty;

    /// <summary>Full path of the recipe.</summary>
    [Required]
    public string Recipe { get; set; } = string.Empty;

    /// <summary>Full path of the recipe's folder below obj.</summary>
    [Required]
    public string Folder { get; set; } = string.Empty;

    /// <summary>Full path of the project that includes the recipe.</summary>
    [Required]
    public string Project { get; set; } = string.Empty;

    /// <summary>Namespace of the generated class.</summary>
    [Required]
    public string ModelNamespace { get; set; } = string.Empty;

    /// <summary>Name of the generated class.</summary>
    [Required]
    public string ClassName { get; set; } = string.Empty;

    /// <summary>Folder of the model below the application's folder.</summary>
    [Required]
    public string ModelFolder { get; set; } = string.Empty;

    /// <summary>Full path of the store of artifacts.</summary>
    [Required]
    public string CacheDirectory { get; set; } = string.Empty;

    /// <summary>Variables of the recipe, <c>name=value;name=value</c>; a later value of the same name wins.</summary>
    public string? Variables { get; set; }

    /// <summary>Path of the native ONNX Runtime library, or of its folder.</summary>
    public string? OnnxRuntime { get; set; }

    /// <summary>The project's <c>project.assets.json</c>, which tells the version of ONNX Runtime that the application ships.</summary>
    public string? AssetsFile { get; set; }

    /// <summary>Full path of the tool; another tool plans again.</summary>
    [Required]
    public string ToolAssembly { get; set; } = string.Empty;

    /// <summary>What is wrong with the arguments.</summary>
    [Output]
    public ITaskItem[] Diagnostics => [.. _diagnostics];

    /// <inheritdoc/>
    public override bool Execute()
    {
        var variables = ParseVariables();
        List<string> tokens =
        [
            "--recipe", Recipe,
            "--folder", Folder,
            "--root-namespace", ModelNamespace,
            "--class-name", ClassName,
            "--model-folder", ModelFolder,
            "--project-folder", Path.GetDirectoryName(Project)!,
            "--cache", CacheDirectory,
            .. Optional("--onnxruntime", OnnxRuntime),
            .. Optional("--assets", File.Exists(AssetsFile) ? AssetsFile : null),
            .. variables.SelectMany(variable => (string[])["--set", $"{variable.Key}={variable.Value}"]),
        ];

        foreach (var token in tokens.Where(token => !ResponseFile.CanHold(token)))
        {
            Report("CMP0007", $"An argument of the tool cannot hold double quotes or line breaks: {token}");
        }

        if (_diagnostics.Count == 0)
        {
            AtomicFile.WriteIfDifferent(ArgumentsFile, $"# {ToolAssembly}\n" + string.Concat(tokens.Select(token => ResponseFile.Line(token) + "\n")));
        }

        return true;
    }

    private SortedDictionary<string, string> ParseVariables()
    {
        // Sorted, so that the order in which properties are put together changes nothing.
        var result = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in (Variables ?? string.Empty).Split([';'], StringSplitOptions.RemoveEmptyEntries).Select(part => part.Trim()).Where(part => part.Length > 0))
        {
            var equals = entry.IndexOf('=');
            var name = equals < 0 ? string.Empty : entry.Substring(0, equals).Trim();
            if (name.Length == 0)
            {
                Report("CMP0006", $"'{entry}' is not a variable of a recipe. CompressVariables and the metadata Variables are lists of name=value, separated by semicolons; write a semicolon inside a value as %3B.");
                continue;
            }

            result[name] = entry.Substring(equals + 1).Trim();
        }

        return result;
    }

    private void Report(string code, string message) =>
        _diagnostics.Add(new ToolDiagnostic(isError: true, code, message) { File = Project }.ToItem());

    private static string[] Optional(string option, string? value) => string.IsNullOrEmpty(value) ? [] : [option, value!];
}
