using System.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Language.Yaml;

/// <summary>The text of a recipe, with what the YAML parser does not check: size, encoding, control characters.</summary>
internal sealed class SourceText
{
    /// <summary>Largest file that is read, in bytes.</summary>
    public const int MaxBytes = 1_000_000;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<int> _lineStarts = [0];

    private SourceText(string file, string text)
    {
        File = file;
        Text = text;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
            {
                _lineStarts.Add(i + 1);
            }
        }
    }

    /// <summary>Full path of the file.</summary>
    public string File { get; }

    /// <summary>The text without byte order mark.</summary>
    public string Text { get; }

    /// <summary>The number of lines.</summary>
    public int LineCount => _lineStarts.Count;

    /// <summary>Reads a file; null when it cannot be used.</summary>
    public static SourceText? Read(string file, DiagnosticList diagnostics)
    {
        var whole = new SourceLocation(file);
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var buffer = new byte[MaxBytes + 1];
            var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return Decode(buffer.AsSpan(0, length), file, diagnostics);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            diagnostics.Error(RecipeErrors.FileNotFound, whole, "the recipe does not exist; check the path");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            var reason = Directory.Exists(file) ? "it is a folder; name the recipe in it" : exception.Message;
            diagnostics.Error(RecipeErrors.ReadFailed, whole, $"the recipe cannot be read: {reason}");
        }

        return null;
    }

    /// <summary>Decodes the bytes of a file; null when they are not a text that YAML allows.</summary>
    public static SourceText? Decode(ReadOnlySpan<byte> bytes, string file, DiagnosticList diagnostics)
    {
        if (bytes.Length > MaxBytes)
        {
            diagnostics.Error(RecipeErrors.TooLarge, new SourceLocation(file), "the recipe is larger than 1 MB; is this the right file?");
            return null;
        }

        if (bytes.StartsWith(Encoding.UTF8.Preamble))
        {
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        }

        string text;
        try
        {
            text = s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException exception)
        {
            var valid = new SourceText(file, s_strictUtf8.GetString(bytes[..Math.Max(0, exception.Index)]));
            var wide = bytes.Length > 1 && (bytes[0], bytes[1]) is (0xFF, 0xFE) or (0xFE, 0xFF);
            diagnostics.Error(RecipeErrors.InvalidEncoding, valid.At(valid.Text.Length, 1), $"the file is {(wide ? "UTF-16" : "not UTF-8")}; save it as UTF-8");
            return null;
        }

        var source = new SourceText(file, text);
        // The parser takes NUL for the end of the text and would silently ignore the rest.
        for (var i = 0; i < text.Length; i++)
        {
            if ((char.IsControl(text[i]) && text[i] is not ('\t' or '\n' or '\r' or '\u0085')) || text[i] is '\uFFFE' or '\uFFFF')
            {
                diagnostics.Error(RecipeErrors.ControlCharacter, source.At(i, 1), $"control character U+{(int)text[i]:X4}; remove it");
                return null;
            }
        }

        return source;
    }

    /// <summary>The line's text, without its end; empty behind the last line.</summary>
    /// <param name="line">1-based number.</param>
    public ReadOnlySpan<char> Line(int line)
    {
        if (line < 1 || line > _lineStarts.Count)
        {
            return [];
        }

        var end = line == _lineStarts.Count ? Text.Length : _lineStarts[line];
        return Text.AsSpan(_lineStarts[line - 1], end - _lineStarts[line - 1]).TrimEnd("\r\n");
    }

    /// <summary>True when the line's indentation contains a tab.</summary>
    public bool IsTabIndented(int line)
    {
        var text = Line(line);
        return text[..(text.Length - text.TrimStart(" \t").Length)].Contains('\t');
    }

    /// <summary>The place of a stretch of text on one line.</summary>
    public SourceLocation At(int index, int length)
    {
        var found = _lineStarts.BinarySearch(index);
        var line = found >= 0 ? found : ~found - 1;
        var column = index - _lineStarts[line] + 1;
        return new SourceLocation(File, line + 1, column, line + 1, column + length);
    }

    /// <summary>The place of a piece of text at or behind the start of a place on its line; the place itself when it is not there literally.</summary>
    public SourceLocation Find(string piece, SourceLocation within)
    {
        var line = Line(within.Line);
        var from = Math.Min(line.Length, within.Column - 1);
        var index = line[from..].IndexOf(piece, StringComparison.Ordinal);
        return index < 0 ? within : within with { Column = from + index + 1, EndLine = within.Line, EndColumn = from + index + 1 + piece.Length };
    }
}
