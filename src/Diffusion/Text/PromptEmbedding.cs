using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Text;

/// <summary>What a text encoder says about a prompt.</summary>
/// <param name="Hidden">A vector for each token, float32 [1, tokens, channels].</param>
/// <param name="Pooled">A vector for the whole prompt, float32 [1, channels]; null where the model takes none.</param>
public sealed record PromptEmbedding(NdArray Hidden, NdArray? Pooled)
{
    private const string FileName = "embedding.safetensors", HiddenName = "hidden", PooledName = "pooled";

    /// <summary>Zeros of the same shape: the empty prompt of models that were trained so.</summary>
    public PromptEmbedding Zeros() => new(Empty(Hidden), Pooled is null ? null : Empty(Pooled));

    /// <summary>Several encoders' embeddings of one prompt side by side; the whole prompt's is the last one's.</summary>
    /// <param name="parts">Embeddings of as many tokens each.</param>
    internal static PromptEmbedding Join(IReadOnlyList<PromptEmbedding> parts)
    {
        if (parts.Count == 1)
        {
            return parts[0];
        }

        var tokens = (int)parts[0].Hidden.Dims[1];
        var channels = parts.Sum(part => part.Hidden.Dims[2]);
        var joined = new float[tokens * channels];
        var first = 0;
        foreach (var hidden in parts.Select(part => part.Hidden))
        {
            var width = (int)hidden.Dims[2];
            for (var token = 0; token < tokens; token++)
            {
                hidden.AsSpan<float>().Slice(token * width, width).CopyTo(joined.AsSpan((int)(token * channels) + first, width));
            }

            first += width;
        }

        return new PromptEmbedding(NdArray.Create(joined, 1, tokens, channels), parts[^1].Pooled);
    }

    /// <summary>Writes it into a folder.</summary>
    internal void Write(string folder)
    {
        var tensors = new List<KeyValuePair<string, Tensor>> { new(HiddenName, Hidden.ToTensor()) };
        if (Pooled is not null)
        {
            tensors.Add(new(PooledName, Pooled.ToTensor()));
        }

        SafetensorsFile.Write(Path.Combine(folder, FileName), tensors);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    internal static PromptEmbedding Read(string folder)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        return new PromptEmbedding(NdArray.From(file[HiddenName]), file.TryGet(PooledName, out var pooled) ? NdArray.From(pooled) : null);
    }

    private static NdArray Empty(NdArray array) => new(array.Type, array.Dims, new byte[array.Data.Length]);
}
