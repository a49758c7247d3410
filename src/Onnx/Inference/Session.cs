namespace CompressTool.Onnx.Inference;

/// <summary>What all graphs and functions of one inference run share.</summary>
internal sealed class Session
{
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<string, Expression> _parsed = [];

    public Session(Model model, InferenceOptions options, long constantLimit)
    {
        Options = options;
        ConstantLimit = constantLimit;
        foreach (var function in model.Functions)
        {
            Functions.TryAdd((function.Domain == "ai.onnx" ? "" : function.Domain, function.Name, function.Overload), function);
        }

        foreach (var input in model.Graph.Inputs)
        {
            AddSymbols(options.InputShapes.GetValueOrDefault(input.Name) ?? input.Shape);
        }
    }

    public InferenceOptions Options { get; }

    /// <summary>Constants with more elements are not computed.</summary>
    public long ConstantLimit { get; }

    public Dictionary<(string Domain, string Name, string Overload), Function> Functions { get; } = [];

    /// <summary>The symbols of the model's inputs.</summary>
    public HashSet<string> Symbols { get; } = [];

    /// <summary>How many function calls lie around the present graph; functions must not call themselves.</summary>
    public int CallDepth { get; set; }

    /// <summary>How many nodes were looked at, those of functions once for every call.</summary>
    public long Visits { get; set; }

    /// <summary>Makes the symbols of an input's shape symbols of the model.</summary>
    public void AddSymbols(Shape? shape)
    {
        foreach (var dim in shape ?? Shape.Scalar)
        {
            if (dim.Symbol is not null && Parse(dim) is not null)
            {
                var names = ExpressionParser.Parse(dim.Symbol).Symbols().Select(atom => atom.Text).ToArray();
                Symbols.UnionWith(names);
                _names.UnionWith(names);
            }
        }
    }

    /// <summary>A new opaque number named after a dimension of a value.</summary>
    public Expression Opaque(string valueName, int axis)
    {
        var name = $"{new string([.. valueName.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_')])}_dim{axis}";
        name = char.IsAsciiDigit(name[0]) ? $"_{name}" : name;
        var unique = name;
        for (var number = 1; !_names.Add(unique); number++)
        {
            unique = $"{name}_{number}";
        }

        return Expression.Of(new Atom(AtomKind.Opaque, unique));
    }

    /// <summary>The value of a symbol in this run; null when it has none.</summary>
    public Expression? Bound(string symbol) => Options.Bindings.TryGetValue(symbol, out var number) ? Expression.Of(number) : null;

    /// <summary>A declared dimension as an expression; null when unknown, which some exporters write as -1, "" or "?".</summary>
    public Expression? Parse(Dim dim)
    {
        if (dim.Symbol is not { } symbol)
        {
            return dim.Value is >= 0 and var number ? Expression.Of(number) : null;
        }

        if (symbol.AsSpan().Trim() is "" or "?")
        {
            return null;
        }

        if (!_parsed.TryGetValue(symbol, out var expression))
        {
            _parsed[symbol] = expression = ExpressionParser.Parse(symbol).Substitute(Bound);
        }

        return expression;
    }

    /// <summary>The better of two expressions for the same dimension; null when they contradict each other.</summary>
    public Expression? Merge(Expression one, Expression other) =>
        one.Equals(other) ? one : Expression.Differ(one, other) ? null : Rank(one).CompareTo(Rank(other)) <= 0 ? one : other;

    /// <summary>Numbers first, then plain expressions of the inputs' symbols, then those with functions, then those with other symbols.</summary>
    private (int Kind, int Length) Rank(Expression expression)
    {
        if (expression.Number is not null)
        {
            return default;
        }

        var kind = 1;
        foreach (var symbol in expression.Symbols())
        {
            kind = Math.Max(kind, symbol.Kind == AtomKind.Opaque ? 4 : Symbols.Contains(symbol.Text) ? 1 : 3);
        }

        return (kind == 1 && expression.IsComplex ? 2 : kind, expression.ToString().Length);
    }
}
