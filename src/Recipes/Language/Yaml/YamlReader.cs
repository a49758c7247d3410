using CompressTool.Onnx.Diagnostics;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace CompressTool.Recipes.Language.Yaml;

/// <summary>
/// Reads one YAML document into nodes with places. It walks the parser's events with a stack of its own and with limits,
/// because the object models of the library recurse and can be made to overflow the stack, which would kill a build.
/// </summary>
internal sealed class YamlReader
{
    public const int MaxDepth = 64;
    public const int MaxNodes = 100_000;

    private readonly SourceText _source;
    private readonly DiagnosticList _diagnostics;
    private readonly Stack<Collection> _open = new();
    private YamlNode? _root;
    private int _nodes;
    private bool _usable = true;

    private YamlReader(SourceText source, DiagnosticList diagnostics)
    {
        _source = source;
        _diagnostics = diagnostics;
    }

    /// <summary>Reads the document; null when its structure is not known for sure.</summary>
    public static YamlNode? Read(SourceText source, DiagnosticList diagnostics) => new YamlReader(source, diagnostics).Read();

    private YamlNode? Read()
    {
        var end = Mark.Empty;
        try
        {
            var parser = new Parser(new StringReader(_source.Text));
            while (parser.MoveNext())
            {
                var parsed = parser.Current!;
                if (!Accept(parsed))
                {
                    return null;
                }

                end = parsed.End;
            }
        }
        catch (YamlException exception)
        {
            ReportSyntax(exception.Message, exception.Start.Line == 1 && exception.Start.Column == 1 ? end : exception.Start);
            return null;
        }
        catch (InvalidOperationException)
        {
            // The library loses its state on some unclosed brackets.
            ReportSyntax("the bracket is not closed", _open.FirstOrDefault(collection => collection.IsFlow)?.Start ?? end);
            return null;
        }

        if (_root is null)
        {
            Error(RecipeErrors.Empty, new SourceLocation(_source.File, 1, 1, 1, 1), "the recipe is empty; 'dotnet compress new' writes one to start from");
        }

        return _usable ? _root : null;
    }

    /// <summary>Takes in one event; false ends the reading.</summary>
    private bool Accept(ParsingEvent parsed)
    {
        switch (parsed)
        {
            case DocumentStart when _root is not null:
                return Stop(RecipeErrors.SeveralDocuments, At(parsed), "a second document begins here; write one recipe per file");
            case AnchorAlias alias:
                Error(RecipeErrors.UnsupportedYaml, At(parsed), $"*{alias.Value} is a YAML alias, which recipes do not have; put quotes around text that begins with *: \"*{alias.Value}\"");
                return !IsKeyNext && Add(new YamlUnknown(At(parsed)));
            case Scalar scalar:
                return Check(scalar) && Add(new YamlScalar(scalar.Value, scalar.Style == ScalarStyle.Plain, At(parsed)));
            case MappingStart mapping:
                return Check(mapping) && Open(new Collection(mapping.Start, mapping.Style == MappingStyle.Flow, IsMapping: true));
            case SequenceStart sequence:
                return Check(sequence) && Open(new Collection(sequence.Start, sequence.Style == SequenceStyle.Flow, IsMapping: false));
            case MappingEnd or SequenceEnd:
                return Close(parsed.End);
            default:
                return true;
        }
    }

    private bool Check(NodeEvent node)
    {
        if (++_nodes > MaxNodes)
        {
            return Stop(RecipeErrors.TooManyNodes, At(node), $"the recipe has more than {MaxNodes:N0} values; is this the right file?");
        }

        if (!node.Anchor.IsEmpty)
        {
            Error(RecipeErrors.UnsupportedYaml, At(node), "anchors are not part of the recipe language; remove it, or declare a variable");
        }

        if (!node.Tag.IsEmpty)
        {
            Error(RecipeErrors.UnsupportedYaml, At(node), "tags are not part of the recipe language; remove it");
        }

        var parent = _open.TryPeek(out var top) ? top : null;
        if (parent is not { IsFlow: true } && IsFirstOnLine(node.Start) && _source.IsTabIndented((int)node.Start.Line))
        {
            return ReportTab((int)node.Start.Line);
        }

        if (IsKeyNext && node is not Scalar)
        {
            return Stop(RecipeErrors.UnsupportedYaml, At(node), "a key must be a single word, not a list or a mapping");
        }

        return true;
    }

    private bool IsKeyNext => _open.TryPeek(out var parent) && parent is { IsMapping: true, Key: null };

    private bool Open(Collection collection)
    {
        if (_open.Count == MaxDepth)
        {
            return Stop(RecipeErrors.TooDeep, At(collection.Start, collection.Start), $"nested more than {MaxDepth} levels deep; check for unclosed brackets");
        }

        _open.Push(collection);
        return true;
    }

    private bool Close(Mark end)
    {
        var closed = _open.Pop();
        // The parser notices the end of a block only at the next token; its last child knows better.
        var location = closed.IsFlow || closed.Last is null
            ? At(closed.Start, end) with { EndColumn = (int)end.Column + 1 }
            : At(closed.Start, end) with { EndLine = closed.Last.EndLine, EndColumn = closed.Last.EndColumn };
        return Add(closed.IsMapping ? new YamlMapping(closed.Entries, location) : new YamlSequence(closed.Items, location));
    }

    private bool Add(YamlNode node)
    {
        if (!_open.TryPeek(out var parent))
        {
            _root = node;
            return true;
        }

        parent.Last = node.Location;
        if (!parent.IsMapping)
        {
            parent.Items.Add(node);
        }
        else if (parent.Key is not { } key)
        {
            parent.Key = (YamlScalar)node;
        }
        else
        {
            parent.Key = null;
            AddEntry(parent, key, node);
        }

        return true;
    }

    private void AddEntry(Collection parent, YamlScalar key, YamlNode value)
    {
        if (key is { IsPlain: true, Text: "<<" })
        {
            _usable = false;
            Error(RecipeErrors.UnsupportedYaml, key.Location, "merge keys are not part of the recipe language; write the keys out");
        }
        else if (!parent.Keys.TryAdd(key.Text, key.Location))
        {
            var first = parent.Keys[key.Text];
            Error(RecipeErrors.DuplicateKey, key.Location, $"key {Words.Quote(key.Text)} is given twice; the first is at line {first.Line}, column {first.Column}");
        }
        else
        {
            parent.Entries.Add(new YamlEntry(key, value));
        }
    }

    private void ReportSyntax(string message, Mark mark)
    {
        // The parser's place for tabs is the token before them, or none.
        for (var line = (int)mark.Line; message.Contains("tab", StringComparison.Ordinal) && line <= _source.LineCount; line++)
        {
            if (_source.IsTabIndented(line))
            {
                ReportTab(line);
                return;
            }
        }

        var text = message.TrimEnd('.');
        Error(RecipeErrors.Syntax, At(mark, mark) with { EndColumn = (int)mark.Column + 1 }, $"{char.ToLowerInvariant(text[0])}{text[1..]}{Advice(mark)}");
    }

    /// <summary>The way out of the two traps that recipe authors meet: variables in flow style and text that begins with an indicator.</summary>
    private string Advice(Mark mark)
    {
        var line = _source.Line((int)mark.Line);
        var rest = line[Math.Min(line.Length, Math.Max(0, (int)mark.Column - 1))..];
        return line.Contains("${", StringComparison.Ordinal) ? "; inside { } and [ ] a variable needs quotes: \"${name}\""
            : rest.Length > 0 && "*&!%@`".Contains(rest[0]) ? $"; put quotes around text that begins with {rest[0]}"
            : "";
    }

    private bool ReportTab(int line)
    {
        var column = _source.Line(line).IndexOf('\t') + 1;
        return Stop(RecipeErrors.TabIndentation, new SourceLocation(_source.File, line, column, line, column + 1), "the line is indented with a tab; YAML allows only spaces");
    }

    private bool IsFirstOnLine(Mark mark) => _source.Line((int)mark.Line)[..((int)mark.Column - 1)].IsWhiteSpace();

    private bool Stop(ErrorCode code, SourceLocation location, string message)
    {
        Error(code, location, message);
        return false;
    }

    private void Error(ErrorCode code, SourceLocation location, string message) => _diagnostics.Error(code, location, message);

    private SourceLocation At(ParsingEvent parsed) => At(parsed.Start, parsed.End);

    private SourceLocation At(Mark start, Mark end) =>
        new(_source.File, (int)start.Line, (int)start.Column, (int)end.Line, (int)end.Column);

    /// <summary>A mapping or list whose end has not been read yet.</summary>
    private sealed record Collection(Mark Start, bool IsFlow, bool IsMapping)
    {
        public List<YamlNode> Items { get; } = [];

        public List<YamlEntry> Entries { get; } = [];

        public Dictionary<string, SourceLocation> Keys { get; } = new(StringComparer.Ordinal);

        public YamlScalar? Key { get; set; }

        public SourceLocation? Last { get; set; }
    }
}
