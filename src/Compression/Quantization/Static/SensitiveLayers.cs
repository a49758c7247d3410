using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Layers of a diffusion model that cost little and whose errors cost much: the first ones, which see the sample itself, the last ones, which
/// make the prediction, and those of the timestep (the filters of Q-Diffusion, Li et al. 2023, and ModelOpt). Found from the graph, not by names.
/// </summary>
internal static class SensitiveLayers
{
    /// <summary>The nodes of such layers; none where the model is no diffusion model.</summary>
    public static HashSet<Node> Find(Model model)
    {
        var result = new HashSet<Node>();
        if (DenoiserInputs.Find(model.Graph) is not { } inputs)
        {
            return result;
        }

        var sample = model.Graph.Inputs.First(input => input.Name == inputs.Sample.Name);
        var layers = Layers.Find(model.Graph).SelectMany(layer => layer.Uses).Select(use => use.Node).ToHashSet();
        AddNearest(sample.Uses.Select(use => use.Node), Next, layers, result);
        AddNearest(model.Graph.Outputs.Select(output => output.Producer).OfType<Node>(), node => node.Inputs.Select(input => input?.Producer).OfType<Node>(), layers, result);

        // Layers that the sample does not reach, but the timestep does: the embedding, and its projections in the blocks.
        var reached = Reach(sample);
        result.UnionWith(Reach(model.Graph.Inputs.First(input => input.Name == inputs.Timestep.Name)).Where(node => layers.Contains(node) && !reached.Contains(node)));
        return result;
    }

    private static void AddNearest(IEnumerable<Node> start, Func<Node, IEnumerable<Node>> next, HashSet<Node> layers, HashSet<Node> result)
    {
        var (seen, waiting) = (new HashSet<Node>(), new Stack<Node>(start));
        while (waiting.TryPop(out var node))
        {
            if (!seen.Add(node))
            {
                continue;
            }

            if (layers.Contains(node))
            {
                result.Add(node);
                continue;
            }

            foreach (var other in next(node))
            {
                waiting.Push(other);
            }
        }
    }

    private static HashSet<Node> Reach(Value value)
    {
        var (reached, waiting) = (new HashSet<Node>(), new Stack<Node>(value.Uses.Select(use => use.Node)));
        while (waiting.TryPop(out var node))
        {
            if (reached.Add(node))
            {
                foreach (var next in Next(node))
                {
                    waiting.Push(next);
                }
            }
        }

        return reached;
    }

    /// <summary>The nodes that take what a node computes; how large a value is, is nothing of it.</summary>
    private static IEnumerable<Node> Next(Node node) => node.OpType is "Shape" or "Size" ? [] : node.Outputs.SelectMany(output => output?.Uses ?? []).Select(use => use.Node);
}
