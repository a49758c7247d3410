using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Language.Yaml;

/// <summary>A value in a YAML file, with its place.</summary>
/// <param name="Location">Where it begins and ends.</param>
public abstract record YamlNode(SourceLocation Location)
{
    /// <summary>What the value is, for error messages.</summary>
    internal abstract string Describe();
}

/// <summary>A single value.</summary>
/// <param name="Text">The value without quotes, escapes resolved.</param>
/// <param name="IsPlain">True when written without quotes and not as a block, so that it may be a number, a bool or null.</param>
/// <param name="Location">Where it begins and ends.</param>
public sealed record YamlScalar(string Text, bool IsPlain, SourceLocation Location) : YamlNode(Location)
{
    /// <summary>The variable that gave the whole value; null when the value stands here itself.</summary>
    public string? Variable { get; init; }

    /// <summary>True for <c>~</c>, <c>null</c> and nothing at all.</summary>
    public bool IsNull => IsPlain && Text is ("" or "~" or "null" or "Null" or "NULL");

    internal override string Describe() => IsNull ? "nothing" : Words.Quote(Text) + From;

    /// <summary>The end of a message about a value that does not stand where the message points to.</summary>
    internal string From => Variable is null ? "" : $" (from ${{{Variable}}})";
}

/// <summary>A value that has been reported as an error already; whoever reads it stays silent.</summary>
/// <param name="Location">Where it begins and ends.</param>
public sealed record YamlUnknown(SourceLocation Location) : YamlNode(Location)
{
    internal override string Describe() => "an unknown value";
}

/// <summary>A list.</summary>
/// <param name="Items">The items in order.</param>
/// <param name="Location">Where it begins and ends.</param>
public sealed record YamlSequence(IReadOnlyList<YamlNode> Items, SourceLocation Location) : YamlNode(Location)
{
    internal override string Describe() => "a list";
}

/// <summary>A mapping; no key occurs twice.</summary>
/// <param name="Entries">The entries in the order of the file.</param>
/// <param name="Location">Where it begins and ends.</param>
public sealed record YamlMapping(IReadOnlyList<YamlEntry> Entries, SourceLocation Location) : YamlNode(Location)
{
    internal override string Describe() => "a mapping";

    /// <summary>The entry with a key; null when there is none.</summary>
    public YamlEntry? Find(string key) => Entries.FirstOrDefault(entry => entry.Key.Text == key);
}

/// <summary>A key and its value.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
public sealed record YamlEntry(YamlScalar Key, YamlNode Value)
{
    /// <summary>Where a reader looks for the value: itself, or the key when nothing is written behind it.</summary>
    public SourceLocation ValueLocation => Value is YamlScalar { IsPlain: true, Text: "", Variable: null } ? Key.Location : Value.Location;
}
