using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Passes;

/// <summary>Replaces <c>If</c> nodes whose condition is always the same by the branch that is taken.</summary>
public static class BranchInlining
{
    /// <summary>Inlines, branches within branches included.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How conditions are worked out; null for the defaults.</param>
    /// <returns>How many nodes were replaced.</returns>
    /// <exception cref="Diagnostics.CompressToolException">Shapes or types contradict each other (CMP2006).</exception>
    public static int Run(Model model, InferenceOptions? options = null)
    {
        var count = 0;
        while (model.Graph.AllNodes().Any(node => node.Is("If")))
        {
            var known = ShapeInference.Analyze(model, options);
            var round = 0;
            foreach (var node in model.Graph.AllNodes().Where(node => node.Is("If")).ToArray())
            {
                // A branch within a branch that was copied just now has gone; its copy comes in the next round.
                if (node.Graph is { } graph && IsPart(model, graph) && node.Inputs is [{ } condition] && known.ConstantOf(condition) is { } constant
                    && node.Attribute(constant.ToInt64s()[0] != 0 ? "then_branch" : "else_branch")?.Value is Graph branch)
                {
                    BodyCopy.Replace(node, branch, [], attribute => attribute);
                    round++;
                }
            }

            if (round == 0)
            {
                break;
            }

            count += round;
        }

        return count;
    }

    private static bool IsPart(Model model, Graph graph)
    {
        while (graph != model.Graph)
        {
            if (graph.Owner?.Graph is not { } outer)
            {
                return false;
            }

            graph = outer;
        }

        return true;
    }
}
