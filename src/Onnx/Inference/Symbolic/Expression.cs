using System.Globalization;
using System.Text;

namespace CompressTool.Onnx.Inference;

/// <summary>
/// A whole number in terms of symbols: a sum of products with integer coefficients, in a canonical order, so that equal
/// expressions have equal texts. Symbols are dimensions and taken to be 1 or more. Immutable.
/// </summary>
/// <remarks>Arithmetic that leaves 64 bits throws <see cref="OverflowException"/>.</remarks>
internal sealed class Expression : IEquatable<Expression>
{
    private static readonly Expression[] s_small = [.. Enumerable.Range(-1, 4098).Select(number => new Expression([new Term(number, [])]))];

    private readonly Term[] _terms;
    private string? _text;

    private Expression(Term[] terms) => _terms = terms;

    public static Expression Zero => Of(0);

    public static Expression One => Of(1);

    /// <summary>The number; null when it has symbols.</summary>
    public long? Number => _terms.Length == 0 ? 0 : _terms.Length == 1 && _terms[0].Factors.Length == 0 ? _terms[0].Coefficient : null;

    /// <summary>The only atom it consists of; null otherwise.</summary>
    public Atom? SingleAtom => _terms is [{ Coefficient: 1, Factors: [var atom] }] ? atom : null;

    /// <summary>A number it is never below; null when none is known.</summary>
    public long? Minimum
    {
        get
        {
            long sum = 0;
            foreach (var term in _terms)
            {
                if (term.Factors.Length > 0 && (term.Coefficient < 0 || !term.Factors.All(atom => atom.Minimum >= 0)))
                {
                    return null;
                }

                sum += term.Coefficient * term.Factors.Aggregate(1L, (product, atom) => product * atom.Minimum!.Value);
            }

            return sum;
        }
    }

    /// <summary>True when a function (rounded quotient, maximum, minimum) or an opaque number occurs.</summary>
    public bool IsComplex => _terms.Any(term => term.Factors.Any(atom => atom.Kind != AtomKind.Symbol));

    public static Expression Of(long number) =>
        number is >= -1 and <= 4096 ? s_small[number + 1] : new Expression([new Term(number, [])]);

    public static Expression Of(Atom atom) => new([new Term(1, [atom])]);

    public static Expression Symbol(string name) => Of(new Atom(AtomKind.Symbol, name));

    public static implicit operator Expression(long number) => Of(number);

    public static Expression operator +(Expression left, Expression right) =>
        left.Number is { } a && right.Number is { } b ? Of(checked(a + b)) : Collect(left._terms.Concat(right._terms));

    public static Expression operator -(Expression left, Expression right) => left + (right * -1);

    public static Expression operator *(Expression left, Expression right)
    {
        if (left.Number is { } a && right.Number is { } b)
        {
            return Of(checked(a * b));
        }

        return Collect(from x in left._terms from y in right._terms select new Term(checked(x.Coefficient * y.Coefficient), [.. x.Factors.Concat(y.Factors).Order()]));
    }

    /// <summary>The quotient when the division leaves nothing over for any value of the symbols; null otherwise.</summary>
    public static Expression? DivideExactly(Expression dividend, Expression divisor)
    {
        if (divisor._terms.Length == 0 || divisor.Number == 0)
        {
            return null;
        }

        var quotient = Zero;
        var rest = dividend;
        var leading = divisor._terms[0];
        while (rest.Number != 0)
        {
            // The leading terms of an exact quotient and the divisor multiply to that of the dividend.
            if (rest._terms[0].DividedBy(leading) is not { } term)
            {
                return null;
            }

            var part = new Expression([term]);
            quotient += part;
            rest -= part * divisor;
        }

        return quotient;
    }

    /// <summary>The quotient rounded down; null for a divisor that is zero or may be negative.</summary>
    public static Expression? FloorDivide(Expression dividend, Expression divisor)
    {
        if (divisor.Minimum is null or < 0 || divisor.Number == 0)
        {
            return null;
        }

        if (DivideExactly(dividend, divisor) is { } exact)
        {
            return exact;
        }

        if (divisor.Number is not { } number)
        {
            return Of(Function(AtomKind.Floor, dividend, divisor));
        }

        // Whole multiples of the divisor leave the quotient; what stays has coefficients from 0 to number - 1.
        var whole = Collect(dividend._terms.Select(term => term with { Coefficient = FloorDivide(term.Coefficient, number) }));
        var rest = dividend - (whole * number);
        var common = rest._terms.Where(term => term.Factors.Length > 0).Aggregate(number, (gcd, term) => GreatestCommonDivisor(gcd, term.Coefficient));
        if (common > 1)
        {
            rest = Collect(rest._terms.Select(term => term with { Coefficient = FloorDivide(term.Coefficient, common) }));
            number /= common;
        }

        if (number == 1)
        {
            return whole + rest;
        }

        // floor((floor(p/a) + c)/b) = floor((p + c*a)/(a*b))
        var constant = rest._terms is [.., { Factors: [], Coefficient: var last }] ? last : 0;
        if ((rest - constant).SingleAtom is { Kind: AtomKind.Floor, Left: { } inner, Right.Number: { } innerDivisor })
        {
            return whole + FloorDivide(inner + (constant * innerDivisor), checked(number * innerDivisor))!;
        }

        return rest.Number is { } remainder ? whole + FloorDivide(remainder, number) : whole + Of(Function(AtomKind.Floor, rest, number));
    }

    /// <summary>The quotient rounded up; null as for <see cref="FloorDivide(Expression, Expression)"/>.</summary>
    public static Expression? CeilingDivide(Expression dividend, Expression divisor) => FloorDivide(dividend + divisor - One, divisor);

    public static Expression Max(Expression left, Expression right) => Choose(AtomKind.Max, left, right);

    public static Expression Min(Expression left, Expression right) => Choose(AtomKind.Min, left, right);

    /// <summary>The sign of the difference when it is the same for all values of the symbols; null otherwise.</summary>
    public static int? Compare(Expression left, Expression right)
    {
        var difference = left - right;
        return difference.Number is { } number ? Math.Sign(number)
            : difference.Minimum > 0 ? 1
            : (right - left).Minimum > 0 ? -1 : null;
    }

    /// <summary>True when they differ by the same number for all values of the symbols.</summary>
    public static bool Differ(Expression left, Expression right) => (left - right).Number is { } difference && difference != 0;

    /// <summary>The value with other values for symbols; a symbol for which <paramref name="values"/> has none stays.</summary>
    public Expression Substitute(Func<string, Expression?> values)
    {
        if (Number is not null)
        {
            return this;
        }

        var sum = Zero;
        foreach (var term in _terms)
        {
            sum += term.Factors.Aggregate(Of(term.Coefficient), (product, atom) => product * atom.Substitute(values));
        }

        return sum;
    }

    /// <summary>The symbols in it, with repetitions.</summary>
    public IEnumerable<Atom> Symbols() => _terms.SelectMany(term => term.Factors).SelectMany(atom => atom.Symbols());

    public bool Equals(Expression? other) =>
        ReferenceEquals(this, other) || (other is not null && (Number is { } number ? other.Number == number : ToString() == other.ToString()));

    public override bool Equals(object? obj) => Equals(obj as Expression);

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>Canonical text, e.g. <c>2*batch*height + 1</c>; <see cref="ExpressionParser"/> reads it.</summary>
    public override string ToString()
    {
        if (_text is not null)
        {
            return _text;
        }

        var text = new StringBuilder();
        foreach (var term in _terms)
        {
            var magnitude = Math.Abs(term.Coefficient).ToString(CultureInfo.InvariantCulture);
            var factors = string.Join('*', term.Factors.Select(atom => atom.Text));
            text.Append(text.Length == 0 ? (term.Coefficient < 0 ? "-" : "") : term.Coefficient < 0 ? " - " : " + ")
                .Append(factors.Length == 0 ? magnitude : magnitude == "1" ? factors : $"{magnitude}*{factors}");
        }

        return _text = text.Length == 0 ? "0" : text.ToString();
    }

    private static Atom Function(AtomKind kind, Expression left, Expression right)
    {
        static string Group(Expression expression) => expression._terms.Length > 1 ? $"({expression})" : expression.ToString();
        var text = kind switch
        {
            AtomKind.Floor when right._terms is [{ Factors.Length: 0 }] || right.SingleAtom is not null => $"floor({Group(left)}/{right})",
            AtomKind.Floor => $"floor({Group(left)}/({right}))",
            AtomKind.Max => $"max({left}, {right})",
            _ => $"min({left}, {right})",
        };
        return new Atom(kind, text, left, right);
    }

    private static Expression Choose(AtomKind kind, Expression left, Expression right)
    {
        if (left.Equals(right))
        {
            return left;
        }

        // Larger or equal is enough to choose; equal ones were the case above.
        var above = (left - right).Minimum >= 0 ? 1 : (right - left).Minimum >= 0 ? -1 : 0;
        if (above != 0)
        {
            return above > 0 == (kind == AtomKind.Max) ? left : right;
        }

        // Choosing once more among the same operands changes nothing; choosing the other way gives back the operand.
        foreach (var (one, other) in new[] { (left, right), (right, left) })
        {
            if (one.SingleAtom is { Kind: AtomKind.Max or AtomKind.Min } atom && (atom.Left!.Equals(other) || atom.Right!.Equals(other)))
            {
                return atom.Kind == kind ? one : other;
            }
        }

        return string.CompareOrdinal(left.ToString(), right.ToString()) <= 0
            ? Of(Function(kind, left, right)) : Of(Function(kind, right, left));
    }

    private static Expression Collect(IEnumerable<Term> terms)
    {
        var sorted = terms.ToList();
        sorted.Sort();
        var result = new List<Term>(sorted.Count);
        foreach (var term in sorted)
        {
            if (result.Count > 0 && result[^1].SameFactors(term))
            {
                result[^1] = term with { Coefficient = checked(result[^1].Coefficient + term.Coefficient) };
            }
            else
            {
                result.Add(term);
            }
        }

        result.RemoveAll(term => term.Coefficient == 0);
        return result is [{ Factors: [], Coefficient: var number }] ? Of(number) : result.Count == 0 ? Zero : new Expression([.. result]);
    }

    private static long FloorDivide(long dividend, long divisor) => (dividend / divisor) - (dividend % divisor < 0 ? 1 : 0);

    private static long GreatestCommonDivisor(long a, long b) => b == 0 ? Math.Abs(a) : GreatestCommonDivisor(b, a % b);

    /// <summary>A product of atoms, in order, with a coefficient. Terms of higher degree come first, then by the atoms' texts: a monomial order, which division needs.</summary>
    private readonly record struct Term(long Coefficient, Atom[] Factors) : IComparable<Term>
    {
        public int CompareTo(Term other)
        {
            var order = other.Factors.Length.CompareTo(Factors.Length);
            for (var index = 0; order == 0 && index < Factors.Length; index++)
            {
                order = Factors[index].CompareTo(other.Factors[index]);
            }

            return order;
        }

        public bool SameFactors(Term other) => CompareTo(other) == 0;

        public Term? DividedBy(Term divisor)
        {
            if (Coefficient % divisor.Coefficient != 0 || divisor.Factors.Length > Factors.Length)
            {
                return null;
            }

            var left = Factors.ToList();
            return divisor.Factors.All(left.Remove) ? new Term(Coefficient / divisor.Coefficient, [.. left]) : null;
        }
    }
}
