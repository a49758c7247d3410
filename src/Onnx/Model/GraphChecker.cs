using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>
/// Checks before saving that names in the file will mean what the objects say: every value is unique, declared, computed
/// before it is used, and not hidden by another of its name. A wrong edit of the graph shows here instead of in another program.
/// </summary>
internal static class GraphChecker
{
    /// <exception cref="CompressToolException">The graph is not valid; the message names node and value.</exception>
    public static void Check(Model model)
    {
        Check(model.Graph, null);
        foreach (var function in model.Functions)
        {
            if (function.Body.Initializers.Count + function.Body.SparseInitializers.Count > 0)
            {
                throw Invalid($"the function '{function.Name}' has initializers, for which the format has no place; use Constant nodes");
            }

            Check(function.Body, null);
        }
    }

    private static void Check(Graph graph, NameScope? outer)
    {
        var scope = new NameScope(outer);
        foreach (var value in graph.Inputs.Concat(graph.Initializers.Concat(graph.SparseInitializers).Where(value => !value.IsGraphInput)))
        {
            if (value.Name.Length == 0)
            {
                throw Invalid("an input or initializer has no name");
            }

            scope.Declare(value);
        }

        if (graph.Initializers.FirstOrDefault(value => value.Initializer is null) is { } empty)
        {
            throw Invalid($"the initializer '{empty.Name}' has no constant");
        }

        var captured = new HashSet<string>();
        foreach (var node in graph.Nodes)
        {
            foreach (var input in node.Inputs.OfType<Value>())
            {
                Resolve(scope, input, captured, () => $"the node '{node.DisplayName}'");
            }

            foreach (var subgraph in node.Subgraphs)
            {
                Check(subgraph, scope);
            }

            foreach (var output in node.Outputs.OfType<Value>())
            {
                if (output.Name.Length == 0)
                {
                    throw Invalid($"an output of the node '{node.DisplayName}' has no name");
                }

                if (captured.Contains(output.Name))
                {
                    throw Invalid($"the output '{output.Name}' of the node '{node.DisplayName}' hides a value of an outer graph that is used before");
                }

                scope.Declare(output);
            }
        }

        foreach (var output in graph.Outputs)
        {
            Resolve(scope, output, captured, () => "the graph as an output");
        }
    }

    private static void Resolve(NameScope scope, Value value, HashSet<string> captured, Func<string> user)
    {
        if (scope.Find(value.Name) != value)
        {
            throw Invalid($"the value '{value.Name}', used by {user()}, {(scope.Find(value.Name) is null ? "is not given or computed before" : "is hidden by another of that name")}");
        }

        if (scope.Local(value.Name) is null)
        {
            captured.Add(value.Name);
        }
    }

    private static CompressToolException Invalid(string message) => new(OnnxErrors.InvalidGraph, message);
}
