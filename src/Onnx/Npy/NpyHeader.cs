using System.Globalization;
using System.Text;

namespace CompressTool.Onnx;

/// <summary>The header of a .npy file, which is the text of a Python dictionary with three keys.</summary>
internal ref struct NpyHeader
{
    /// <summary>NumPy's own limit.</summary>
    private const int MaxRank = 64;

    private readonly ReadOnlySpan<char> _text;
    private int _position;

    private NpyHeader(ReadOnlySpan<char> text) => _text = text;

    /// <exception cref="FormatException">It is not such a dictionary.</exception>
    /// <exception cref="NotSupportedException">The elements are records.</exception>
    public static (string Descr, bool Fortran, long[] Shape) Parse(string text)
    {
        var header = new NpyHeader(text);
        string? descr = null;
        bool? fortran = null;
        long[]? shape = null;
        header.Expect('{');
        while (!header.TryTake('}'))
        {
            var key = header.Text();
            header.Expect(':');
            switch (key)
            {
                case "descr" when descr is null:
                    descr = header.Peek() == '[' ? throw new NotSupportedException("its elements are records; save each field as an array of its own") : header.Text();
                    break;
                case "fortran_order" when fortran is null:
                    fortran = header.Word() switch { "True" => true, "False" => false, _ => throw Invalid() };
                    break;
                case "shape" when shape is null:
                    shape = header.Tuple();
                    break;
                default:
                    throw Invalid();
            }

            if (!header.TryTake(','))
            {
                header.Expect('}');
                break;
            }
        }

        return header.Peek() == '\0' && descr is not null && fortran is not null && shape is not null ? (descr, fortran.Value, shape) : throw Invalid();
    }

    /// <summary>The element type of a type string such as <c>&lt;f4</c>.</summary>
    /// <exception cref="NotSupportedException">It is big-endian or not numeric.</exception>
    public static DataType ElementType(string descr)
    {
        var type = descr.TrimStart('<', '|', '=', '>') switch
        {
            "b1" => DataType.Bool,
            "i1" => DataType.Int8,
            "i2" => DataType.Int16,
            "i4" => DataType.Int32,
            "i8" => DataType.Int64,
            "u1" => DataType.UInt8,
            "u2" => DataType.UInt16,
            "u4" => DataType.UInt32,
            "u8" => DataType.UInt64,
            "f2" => DataType.Float16,
            "f4" => DataType.Float,
            "f8" => DataType.Double,
            "c8" => DataType.Complex64,
            "c16" => DataType.Complex128,
            _ => throw new NotSupportedException($"its element type '{descr}' is not a number type; save numbers, e.g. as float32"),
        };
        return descr[0] != '>' || type.BitSize() == 8 ? type
            : throw new NotSupportedException($"its elements are big-endian ('{descr}'); save it as '<{descr[1..]}'");
    }

    /// <summary>The type string of an element type; null when NumPy has no such type.</summary>
    public static string? Descr(DataType type) => type switch
    {
        DataType.Bool => "|b1",
        DataType.Int8 => "|i1",
        DataType.Int16 => "<i2",
        DataType.Int32 => "<i4",
        DataType.Int64 => "<i8",
        DataType.UInt8 => "|u1",
        DataType.UInt16 => "<u2",
        DataType.UInt32 => "<u4",
        DataType.UInt64 => "<u8",
        DataType.Float16 => "<f2",
        DataType.Float => "<f4",
        DataType.Double => "<f8",
        DataType.Complex64 => "<c8",
        DataType.Complex128 => "<c16",
        _ => null,
    };

    private static FormatException Invalid() => new("its header is damaged");

    /// <summary>The next character that is not white space; NUL at the end.</summary>
    private char Peek()
    {
        while (_position < _text.Length && _text[_position] is ' ' or '\n' or '\r' or '\t')
        {
            _position++;
        }

        return _position < _text.Length ? _text[_position] : '\0';
    }

    private bool TryTake(char character)
    {
        if (Peek() != character)
        {
            return false;
        }

        _position++;
        return true;
    }

    private void Expect(char character)
    {
        if (!TryTake(character))
        {
            throw Invalid();
        }
    }

    private string Text()
    {
        var quote = Peek() is '\'' or '"' ? _text[_position++] : throw Invalid();
        var length = _text[_position..].IndexOf(quote);
        if (length < 0)
        {
            throw Invalid();
        }

        var text = _text.Slice(_position, length).ToString();
        _position += length + 1;
        return text;
    }

    private string Word()
    {
        Peek();
        var word = new StringBuilder();
        while (_position < _text.Length && char.IsAsciiLetterOrDigit(_text[_position]))
        {
            word.Append(_text[_position++]);
        }

        return word.ToString();
    }

    private long[] Tuple()
    {
        var dims = new List<long>();
        Expect('(');
        while (!TryTake(')'))
        {
            // Python 2 wrote long integers as 10L.
            dims.Add(long.TryParse(Word().TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out var dim) ? dim : throw Invalid());
            if (dims.Count > MaxRank)
            {
                throw Invalid();
            }

            if (!TryTake(','))
            {
                Expect(')');
                break;
            }
        }

        return [.. dims];
    }
}
