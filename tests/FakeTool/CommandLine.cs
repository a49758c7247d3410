namespace CompressTool.FakeTool;

/// <summary>The command and its options, read as the tool reads them: one quoted token a line in response files.</summary>
internal sealed class CommandLine
{
    private readonly List<KeyValuePair<string, string>> _options = [];

    public required string Command { get; init; }

    public static CommandLine Parse(string[] args)
    {
        string[] tokens = [.. args.SelectMany(arg => arg.StartsWith('@') ? ReadResponseFile(arg[1..]) : [arg])];
        if (tokens is not ["msbuild", var command, .. var rest])
        {
            throw new InvalidOperationException("usage: msbuild plan|stage|finish");
        }

        var result = new CommandLine { Command = command };
        for (var i = 0; i < rest.Length; i += 2)
        {
            if (!rest[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == rest.Length)
            {
                throw new InvalidOperationException($"unexpected '{rest[i]}'");
            }

            result._options.Add(new(rest[i], rest[i + 1]));
        }

        return result;
    }

    public string One(string option) => Optional(option) ?? throw new InvalidOperationException($"{option} is missing");

    public string? Optional(string option) => _options.Where(pair => pair.Key == option).Select(pair => pair.Value).SingleOrDefault();

    public IEnumerable<string> All(string option) => _options.Where(pair => pair.Key == option).Select(pair => pair.Value);

    private static IEnumerable<string> ReadResponseFile(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes is [0xEF, 0xBB, 0xBF, ..])
        {
            throw new InvalidOperationException("the response file has a byte order mark");
        }

        foreach (var line in System.Text.Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            yield return line is ['"', .. var token, '"'] ? token : throw new InvalidOperationException($"not quoted: {line}");
        }
    }
}
