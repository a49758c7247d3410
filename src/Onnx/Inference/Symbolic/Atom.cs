namespace CompressTool.Onnx.Inference;

/// <summary>What an atom stands for.</summary>
internal enum AtomKind
{
    /// <summary>A symbol of a declared shape; at least 1.</summary>
    Symbol,
    /// <summary>A number that nothing is known of, e.g. how many elements are not zero; at least 0.</summary>
    Opaque,
    /// <summary>The quotient of two expressions, rounded down.</summary>
    Floor,
    /// <summary>The larger of two expressions.</summary>
    Max,
    /// <summary>The smaller of two expressions.</summary>
    Min,
}

/// <summary>An indivisible factor of an <see cref="Expression"/>: a symbol, or a function of two expressions. Equal when the texts are.</summary>
internal sealed class Atom(AtomKind kind, string text, Expression? left = null, Expression? right = null) : IComparable<Atom>, IEquatable<Atom>
{
    public AtomKind Kind { get; } = kind;

    public string Text { get; } = text;

    /// <summary>First operand of a function.</summary>
    public Expression? Left { get; } = left;

    /// <summary>Second operand of a function.</summary>
    public Expression? Right { get; } = right;

    /// <summary>A number that the atom is never below, symbols being 1 or more; null when none is known.</summary>
    public long? Minimum => Kind switch
    {
        AtomKind.Symbol => 1,
        AtomKind.Opaque => 0,
        AtomKind.Floor => Left!.Minimum is not { } left ? null : left < 0 ? left : Right!.Number is { } divisor ? left / divisor : 0,
        AtomKind.Max => Left!.Minimum is { } left && Right!.Minimum is { } right ? Math.Max(left, right) : Left.Minimum ?? Right!.Minimum,
        _ => Left!.Minimum is { } left && Right!.Minimum is { } right ? Math.Min(left, right) : null,
    };

    public int CompareTo(Atom? other) => string.CompareOrdinal(Text, other?.Text);

    public bool Equals(Atom? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as Atom);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;

    /// <summary>The value with other values for symbols; a symbol for which <paramref name="values"/> has none stays.</summary>
    public Expression Substitute(Func<string, Expression?> values) => Kind switch
    {
        AtomKind.Symbol or AtomKind.Opaque => values(Text) ?? Expression.Of(this),
        AtomKind.Floor => Expression.FloorDivide(Left!.Substitute(values), Right!.Substitute(values)) ?? Expression.Of(this),
        AtomKind.Max => Expression.Max(Left!.Substitute(values), Right!.Substitute(values)),
        _ => Expression.Min(Left!.Substitute(values), Right!.Substitute(values)),
    };

    /// <summary>The symbols in it.</summary>
    public IEnumerable<Atom> Symbols() =>
        Kind is AtomKind.Symbol or AtomKind.Opaque ? [this] : Left!.Symbols().Concat(Right!.Symbols());
}
