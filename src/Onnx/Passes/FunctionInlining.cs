using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Passes;

/// <summary>Replaces calls of model-local functions by what the functions consist of. Exporters since opset 18 write such functions.</summary>
public static class FunctionInlining
{
    /// <summary>Calls nested deeper than this are taken for a function that calls itself, which the format forbids.</summary>
    private const int MaxDepth = 64;

    /// <summary>Functions that call functions can make a small file stand for a graph without end.</summary>
    private const int MaxNodes = 1_000_000;

    /// <summary>
    /// Inlines all calls, those in subgraphs and in other functions included, and removes the functions. A function written for
    /// another version of an operator domain than the model's stays, as its nodes would mean something else.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <returns>How many calls were replaced.</returns>
    /// <exception cref="CompressToolException">A function calls itself, or the model becomes too large (CMP20xx).</exception>
    public static int Run(Model model)
    {
        var functions = new Dictionary<(string Domain, string Name, string Overload), Function>();
        foreach (var function in model.Functions.Where(function => IsCompatible(model, function)))
        {
            functions.TryAdd((function.Domain == "ai.onnx" ? "" : function.Domain, function.Name, function.Overload), function);
        }

        if (functions.Count == 0)
        {
            return 0;
        }

        var (calls, added) = (0, 0);
        var waiting = new Stack<(Node Node, int Depth)>(model.Graph.AllNodes().Select(node => (node, 0)));
        while (waiting.TryPop(out var next))
        {
            var (node, depth) = next;
            if (!functions.TryGetValue((node.Domain, node.OpType, node.Overload), out var function))
            {
                continue;
            }

            if (depth == MaxDepth)
            {
                throw new CompressToolException(OnnxErrors.InvalidGraph, $"the function '{function.Name}' calls itself");
            }

            if (node.Inputs.Count > function.Body.Inputs.Count || node.Outputs.Count > function.Body.Outputs.Count)
            {
                throw new CompressToolException(OnnxErrors.InvalidGraph, $"node '{node.DisplayName}' has more inputs or outputs than the function '{function.Name}'");
            }

            var nodes = BodyCopy.Replace(node, function.Body, node.Inputs, Binder(node, function));
            calls++;
            added += nodes.Count;
            if (added > MaxNodes)
            {
                throw new CompressToolException(OnnxErrors.InvalidGraph, $"functions make the model larger than {MaxNodes} nodes");
            }

            foreach (var inner in nodes.Concat(nodes.SelectMany(one => one.Subgraphs).SelectMany(graph => graph.AllNodes())))
            {
                waiting.Push((inner, depth + 1));
            }
        }

        foreach (var function in functions.Values)
        {
            model.Functions.Remove(function);
            foreach (var (domain, version) in function.OpsetImports)
            {
                model.OpsetImports.TryAdd(domain, version);
            }
        }

        return calls;
    }

    private static bool IsCompatible(Model model, Function function) =>
        function.OpsetImports.All(import => !model.OpsetImports.TryGetValue(import.Key, out var version) || version == import.Value);

    /// <summary>An attribute that refers to one of the function's is what the call gives, or else the default; without either it is left out.</summary>
    private static Func<Attribute, Attribute?> Binder(Node call, Function function) => attribute =>
        attribute.ReferenceName.Length == 0 ? attribute
        : (call.Attribute(attribute.ReferenceName) ?? function.AttributeDefaults.Find(given => given.Name == attribute.ReferenceName)) is { } given
            ? given with { Name = attribute.Name } : null;
}
