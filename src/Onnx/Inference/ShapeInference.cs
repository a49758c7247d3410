using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Inference;

/// <summary>
/// Infers element types and shapes of all values of a model. Dimensions may be symbolic: a batch dimension <c>batch</c>
/// gives shapes such as <c>[8*batch,1024,64]</c>, since shape arithmetic inside the graph is followed.
/// </summary>
public static class ShapeInference
{
    /// <summary>Infers and sets <see cref="Value.Type"/> of every value of the graph and its subgraphs.</summary>
    /// <param name="model">The model; only types of values change.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="CompressToolException">Shapes or types contradict each other (CMP2006); a binding or input shape names nothing.</exception>
    public static InferenceResult Run(Model model, InferenceOptions? options = null)
    {
        var result = Analyze(model, options);
        foreach (var value in model.Graph.AllGraphs().SelectMany(graph => graph.Values()))
        {
            if (value.Type is not OtherType && result.TypeOf(value) is { } type)
            {
                value.Type = type;
            }
        }

        return result;
    }

    /// <summary>Infers without changing the model.</summary>
    /// <inheritdoc cref="Run"/>
    public static InferenceResult Analyze(Model model, InferenceOptions? options = null) => Analyze(model, options ?? new InferenceOptions(), Fact.MaxElements);

    internal static InferenceResult Analyze(Model model, InferenceOptions options, long constantLimit)
    {
        var session = new Session(model, options, constantLimit);
        Check(model, session);
        var inference = new GraphInference(session, model.OpsetImports);
        inference.Run(model.Graph);
        return new InferenceResult(inference, [.. model.Graph.AllNodes().SelectMany(node => node.Outputs).OfType<Value>().Where(value => inference.Fact(value) is { Type: DataType.Undefined } or { Dims: null })]);
    }

    internal static TensorType? ToType(Fact fact, Value value)
    {
        if (fact.Type == DataType.Undefined)
        {
            return null;
        }

        var old = value.TensorType;
        return new TensorType(fact.Type, fact.Dims is null ? null : new Shape([.. fact.Dims.Select((dim, axis) => ToDim(dim, axis, old?.Shape))]), old?.Denotation);
    }

    private static Dim ToDim(Expression dim, int axis, Shape? old)
    {
        var before = old is not null && axis < old.Count ? old[axis] : Dim.Unknown;
        return dim.Number is { } number ? new Dim(number) { Denotation = before.Denotation }
            : before.Symbol is { } symbol && (symbol == dim.ToString() || ExpressionParser.Parse(symbol).Equals(dim)) ? before
            : new Dim(dim.ToString()) { Denotation = before.Denotation };
    }

    private static void Check(Model model, Session session)
    {
        foreach (var (symbol, number) in session.Options.Bindings)
        {
            if (!session.Symbols.Contains(symbol))
            {
                throw new CompressToolException(OnnxErrors.UnknownName,
                    $"no input of the model has a dimension '{symbol}'{NearestName.Hint(symbol, [.. session.Symbols.Order(StringComparer.Ordinal)])}");
            }

            if (number < 0)
            {
                throw new CompressToolException(OnnxErrors.ShapeMismatch, $"the dimension '{symbol}' cannot be {number}");
            }
        }

        foreach (var name in session.Options.InputShapes.Keys)
        {
            if (!model.Graph.Inputs.Any(input => input.Name == name))
            {
                throw new CompressToolException(OnnxErrors.UnknownName, $"the model has no input '{name}'{NearestName.Hint(name, [.. model.Graph.Inputs.Select(input => input.Name)])}");
            }
        }
    }
}
