using System.Text.RegularExpressions;

namespace CompressTool.FakeTool;

/// <summary>
/// A recipe of the fake tool: <c>key: value</c> lines and <c>- kind: value</c> lines for stages. <c>${name}</c> is a variable.
/// </summary>
internal sealed partial class Recipe
{
    public required string File { get; init; }

    public Dictionary<string, (string Value, int Line)> Settings { get; } = [];

    public List<(string Kind, string Value, int Line)> Stages { get; } = [];

    public string Model => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(File)!, Settings["model"].Value));

    public static Recipe Read(string file, IReadOnlyDictionary<string, string> variables)
    {
        var recipe = new Recipe { File = file };
        var lines = System.IO.File.ReadAllLines(file);
        for (var i = 0; i < lines.Length; i++)
        {
            var match = Line().Match(lines[i]);
            if (!match.Success)
            {
                continue;
            }

            var key = match.Groups["key"].Value;
            var value = Variable().Replace(match.Groups["value"].Value, variable => variables[variable.Groups[1].Value]);
            if (match.Groups["dash"].Success)
            {
                recipe.Stages.Add((key, value, i + 1));
            }
            else
            {
                recipe.Settings[key] = (value, i + 1);
            }
        }

        return recipe;
    }

    [GeneratedRegex(@"^\s*(?<dash>-\s+)?(?<key>[a-z-]+):\s*(?<value>[^#]*?)\s*(#.*)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Line();

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Variable();
}

internal static class RecipeName
{
    /// <summary><c>obj/compress/shop-1a2b3c4d/</c> belongs to the recipe <c>shop</c>.</summary>
    public static string FromFolder(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        return name[..name.LastIndexOf('-')];
    }
}
