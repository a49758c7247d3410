using System.Globalization;
using System.Text;

namespace CompressTool.Tasks;

/// <summary>
/// Reads one JSON object whose values are strings, numbers, booleans or null: the lines of the tool's protocol. A JSON library
/// would be the only dependency of this assembly, and dependencies of tasks clash inside Visual Studio.
/// </summary>
internal static class FlatJson
{
    /// <summary>Reads the object; numbers and booleans keep their text, null is dropped, the last of equal keys wins.</summary>
    /// <returns>The values by key, or null when the text is not such an object.</returns>
    public static Dictionary<string, string>? Parse(string text)
    {
        var reader = new Reader(text);
        return reader.Object();
    }

    private sealed class Reader(string text)
    {
        private int _position;

        public Dictionary<string, string>? Object()
        {
            var result = new Dictionary<string, string>(StringComparer.Ordinal);
            if (!Take('{'))
            {
                return null;
            }

            if (Take('}'))
            {
                return AtEnd() ? result : null;
            }

            do
            {
                if (!TryString(out var key) || !Take(':') || !TryValue(out var value))
                {
                    return null;
                }

                if (value is null)
                {
                    result.Remove(key);
                }
                else
                {
                    result[key] = value;
                }
            }
            while (Take(','));

            return Take('}') && AtEnd() ? result : null;
        }

        private bool TryValue(out string? value)
        {
            SkipSpace();
            if (_position < text.Length && text[_position] == '"')
            {
                var found = TryString(out var literal);
                value = literal;
                return found;
            }

            var start = _position;
            while (_position < text.Length && (char.IsLetterOrDigit(text[_position]) || text[_position] is '+' or '-' or '.'))
            {
                _position++;
            }

            var word = text.Substring(start, _position - start);
            value = word == "null" ? null : word;
            return word is "null" or "true" or "false" || IsNumber(word);
        }

        private bool TryString(out string value)
        {
            value = string.Empty;
            if (!Take('"'))
            {
                return false;
            }

            var result = new StringBuilder();
            while (_position < text.Length)
            {
                var c = text[_position++];
                if (c == '"')
                {
                    value = result.ToString();
                    return true;
                }

                if (c < ' ' || (c == '\\' && !TryEscape(out c)))
                {
                    return false;
                }

                result.Append(c);
            }

            return false;
        }

        private bool TryEscape(out char c)
        {
            c = _position < text.Length ? text[_position++] : '\0';
            switch (c)
            {
                case '"' or '\\' or '/':
                    return true;
                case 'b':
                    c = '\b';
                    return true;
                case 'f':
                    c = '\f';
                    return true;
                case 'n':
                    c = '\n';
                    return true;
                case 'r':
                    c = '\r';
                    return true;
                case 't':
                    c = '\t';
                    return true;
                case 'u' when _position + 4 <= text.Length
                    && ushort.TryParse(text.Substring(_position, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                    _position += 4;
                    c = (char)code;
                    return true;
                default:
                    return false;
            }
        }

        private bool Take(char c)
        {
            SkipSpace();
            if (_position >= text.Length || text[_position] != c)
            {
                return false;
            }

            _position++;
            return true;
        }

        private bool AtEnd()
        {
            SkipSpace();
            return _position == text.Length;
        }

        private void SkipSpace()
        {
            while (_position < text.Length && text[_position] is ' ' or '\t' or '\r' or '\n')
            {
                _position++;
            }
        }

        private static bool IsNumber(string word) =>
            word.Length > 0 && (char.IsDigit(word[0]) || word[0] == '-')
            && double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
    }
}
