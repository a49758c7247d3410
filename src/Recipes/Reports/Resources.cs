using System.Text.RegularExpressions;

namespace CompressTool.Recipes.Reports;

/// <summary>The parts of a page that are the same in every report.</summary>
internal static partial class Resources
{
    private static readonly Lazy<string> s_style = new(() => Read("page.css")), s_script = new(() => Closed(Read("page.js"))), s_library = new(ReadLibrary);

    /// <summary>The style.</summary>
    public static string Style => s_style.Value;

    /// <summary>The script that draws charts.</summary>
    public static string Script => s_script.Value;

    /// <summary>Chart.js (native/package.json has the version), with its licence and that of the library that is bundled into it.</summary>
    public static string ChartLibrary => s_library.Value;

    private static string ReadLibrary()
    {
        var licences = string.Join("\n\n@kurkle/color, which is part of it:\n\n", Read("chart.js.license").Trim(), Read("color.license").Trim()).Replace("*/", "* /", StringComparison.Ordinal);

        // The map is a file beside the library, which there is none of here.
        return Closed($"/*! Chart.js\n\n{licences}\n*/\n{SourceMap.Replace(Read("chart.js"), "").Trim()}\n");
    }

    /// <summary>A script that does not end the element it is in.</summary>
    private static string Closed(string script) => EndTag.Replace(script, @"<\/script");

    private static string Read(string name)
    {
        using var stream = typeof(Resources).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The resource {name} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    [GeneratedRegex("</script", RegexOptions.IgnoreCase)]
    private static partial Regex EndTag { get; }

    [GeneratedRegex(@"^//# sourceMappingURL=.*$", RegexOptions.Multiline)]
    private static partial Regex SourceMap { get; }
}
