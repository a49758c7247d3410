namespace CompressTool.Tasks;

/// <summary>The tool's response files: one token a line, in double quotes, which cannot hold double quotes themselves.</summary>
internal static class ResponseFile
{
    public static string Line(string token) => CanHold(token)
        ? $"\"{token}\""
        : throw new ArgumentException("A token of a response file cannot hold double quotes or line breaks.", nameof(token));

    public static bool CanHold(string token) => token.IndexOfAny(['"', '\r', '\n']) < 0;

    /// <summary>The tokens of a file written line by line with <see cref="Line"/>; lines starting with # are comments.</summary>
    public static IEnumerable<string> Read(string path) => File.ReadAllLines(path)
        .Where(line => line.Length >= 2 && line[0] == '"')
        .Select(line => line.Substring(1, line.Length - 2));
}
