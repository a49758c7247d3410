using CompressTool.Onnx;

namespace CompressTool.Diffusion.Sampling;

/// <summary>What a model says about its classes.</summary>
public static class ClassEmbedding
{
    /// <summary>How many classes the model has an embedding for, one for no class perhaps among them; null when that cannot be seen.</summary>
    /// <param name="labels">The input for classes.</param>
    public static long? Classes(Value labels)
    {
        for (Value? value = labels; value is not null;)
        {
            if (value.Uses.FirstOrDefault(use => use.Node.Is("Gather") && use.Index == 1).Node is { } gather)
            {
                return gather.GetInt("axis", 0) == 0 && gather.Input(0)?.ConstantTensor is { Dims.Count: 2 } table ? table.Dims[0] : null;
            }

            value = value.Uses.Select(use => use.Node).FirstOrDefault(node => node.OpType is "Cast" or "Reshape" or "Squeeze" or "Unsqueeze" or "Identity" or "Flatten")?.Output(0);
        }

        return null;
    }
}
