using System.Globalization;

namespace CompressTool.Onnx.Inference;

/// <summary>
/// Reads the texts of symbolic dimensions: names, numbers, <c>+ - *</c>, <c>//</c> (rounded down), parentheses and
/// <c>floor(a/b)</c>, <c>max(a, b)</c>, <c>min(a, b)</c>. A text of any other form is one symbol as a whole, since exporters
/// put all kinds of names there.
/// </summary>
internal ref struct ExpressionParser
{
    private const int MaxDepth = 50;
    private readonly ReadOnlySpan<char> _text;
    private int _position;
    private int _depth;

    private ExpressionParser(ReadOnlySpan<char> text) => _text = text;

    private readonly char Current => _position < _text.Length ? _text[_position] : '\0';

    public static Expression Parse(string text)
    {
        if (!IsName(text))
        {
            try
            {
                var parser = new ExpressionParser(text);
                if (parser.Sum() is { } expression && parser.AtEnd())
                {
                    return expression;
                }
            }
            catch (OverflowException)
            {
                // Numbers that large are a name, not a dimension.
            }
        }

        return Expression.Symbol(text);
    }

    private static bool IsName(string text) => text.Length > 0 && !char.IsAsciiDigit(text[0]) && text.All(IsNamePart);

    private static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or ':';

    private bool AtEnd()
    {
        Skip();
        return _position == _text.Length;
    }

    private void Skip()
    {
        while (Current == ' ')
        {
            _position++;
        }
    }

    private bool Take(char c)
    {
        Skip();
        if (Current != c)
        {
            return false;
        }

        _position++;
        return true;
    }

    private Expression? Sum()
    {
        if (++_depth > MaxDepth)
        {
            return null;
        }

        var negative = Take('-');
        var sum = Product();
        if (negative)
        {
            sum = sum is null ? null : sum * -1;
        }

        while (sum is not null)
        {
            if (Take('+'))
            {
                sum = Product() is { } right ? sum + right : null;
            }
            else if (Take('-'))
            {
                sum = Product() is { } right ? sum - right : null;
            }
            else
            {
                break;
            }
        }

        _depth--;
        return sum;
    }

    private Expression? Product()
    {
        var product = Factor();
        while (product is not null)
        {
            if (Take('*'))
            {
                product = Factor() is { } right ? product * right : null;
            }
            else if (Current == '/' && _position + 1 < _text.Length && _text[_position + 1] == '/')
            {
                _position += 2;
                product = Factor() is { } right ? Expression.FloorDivide(product, right) : null;
            }
            else
            {
                break;
            }
        }

        return product;
    }

    private Expression? Factor()
    {
        if (Take('('))
        {
            var inner = Sum();
            return Take(')') ? inner : null;
        }

        var start = _position;
        while (IsNamePart(Current) || (Current == '-' && _position > start && _position + 1 < _text.Length && char.IsAsciiLetter(_text[_position + 1])))
        {
            _position++;
        }

        var word = _text[start.._position];
        if (word.IsEmpty)
        {
            return null;
        }

        if (char.IsAsciiDigit(word[0]))
        {
            return long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Expression.Of(number) : null;
        }

        return Current == '(' ? Function(word.ToString()) : Expression.Symbol(word.ToString());
    }

    private Expression? Function(string name)
    {
        _position++;
        var left = Sum();
        Skip();
        var separator = Current;
        _position++;
        var right = left is null ? null : separator == '/' ? Factor() : Sum();
        if (right is null || !Take(')'))
        {
            return null;
        }

        return (name.ToLowerInvariant(), separator) switch
        {
            ("floor", '/') => Expression.FloorDivide(left!, right),
            ("max", ',') => Expression.Max(left!, right),
            ("min", ',') => Expression.Min(left!, right),
            _ => null,
        };
    }
}
