using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>What the residual blocks of a UNet2DConditionModel are told: the timestep, and classes, sizes and pooled texts where it takes them.</summary>
/// <param name="m">The root of the model.</param>
/// <param name="c">Its configuration.</param>
internal sealed class ConditionEmbedding(Module m, UNet2DConditionConfig c)
{
    /// <summary>Size of the pooled text embedding that Stable Diffusion XL takes from its second text encoder.</summary>
    private const int TextChannels = 1280;

    private readonly int _channels = c.TimeEmbeddingDim ?? (4 * c.BlockOutChannels[0]);

    /// <summary>
    /// How many numbers (sizes, crops, scores) a model takes beside the pooled text. The configuration has only the sum of both; of
    /// Stable Diffusion XL the text is 1280 wide, which leaves 6, or 5 for the refiner. Others are taken to have 6.
    /// </summary>
    public static int TimeIds(UNet2DConditionConfig c)
    {
        var (total, each) = (c.ProjectionClassEmbeddingsInputDim!.Value, c.AdditionTimeEmbedDim!.Value);
        return total > TextChannels && (total - TextChannels) % each == 0 ? (total - TextChannels) / each : total > 6 * each ? 6 : 0;
    }

    /// <summary>The embedding.</summary>
    /// <param name="timestep">The timesteps, [batch].</param>
    public TimeEmbedding Build(Expr timestep)
    {
        var b = m.Builder;
        var batch = new Dim("batch");
        var projected = Sinusoids("time_proj", timestep, c.BlockOutChannels[0]);
        if (c.TimeCondProjDim is { } width)
        {
            projected += m["time_embedding"]["cond_proj"].Linear(b.Input("timestep_cond", DataType.Float, new Shape(batch, width)), c.BlockOutChannels[0], bias: false);
        }

        var embedding = m["time_embedding"].TimestepMlp(projected, _channels, c.ActFn);
        using var scope = m["time_embedding"].Enter();
        embedding = c.TimestepPostAct is null ? embedding : embedding.Activation(c.TimestepPostAct);
        if (Classes(timestep.Type, batch) is { } classes)
        {
            embedding = c.ClassEmbeddingsConcat ? b.Concat(1, embedding, classes) : embedding + classes;
        }

        if (c.AdditionEmbedType == "text_time")
        {
            var (total, ids) = (c.ProjectionClassEmbeddingsInputDim!.Value, TimeIds(c));
            var texts = b.Input("text_embeds", DataType.Float, new Shape(batch, total - (ids * c.AdditionTimeEmbedDim!.Value)));
            var times = Sinusoids("add_time_proj", b.Input("time_ids", DataType.Float, new Shape(batch, ids)), c.AdditionTimeEmbedDim!.Value);
            var added = b.Concat(1, texts, times.View(-1, ids * c.AdditionTimeEmbedDim!.Value));
            embedding += m["add_embedding"].TimestepMlp(added, _channels);
        }

        embedding = c.TimeEmbeddingActFn is null ? embedding : embedding.Activation(c.TimeEmbeddingActFn);
        return new TimeEmbedding(embedding, embedding.Activation(c.ActFn));
    }

    private Expr? Classes(DataType type, Dim batch)
    {
        if (c.ClassEmbedType is null && c.NumClassEmbeds is null)
        {
            return null;
        }

        var (b, m1) = (m.Builder, m["class_embedding"]);
        return c.ClassEmbedType switch
        {
            null => m1.Embedding(b.Input("class_labels", DataType.Int64, new Shape(batch)), c.NumClassEmbeds!.Value, _channels),
            "timestep" => m1.TimestepMlp(Sinusoids("time_proj", b.Input("class_labels", type, new Shape(batch)), c.BlockOutChannels[0]), _channels, c.ActFn),
            "identity" => Labels(_channels),
            "projection" => m1.TimestepMlp(Labels(c.ProjectionClassEmbeddingsInputDim!.Value), _channels),
            _ => m1.Linear(Labels(c.ProjectionClassEmbeddingsInputDim!.Value), _channels),
        };

        Expr Labels(int width) => b.Input("class_labels", DataType.Float, new Shape(batch, width));
    }

    private Expr Sinusoids(string place, Expr x, int width)
    {
        using var scope = m[place].Enter();
        return TimestepEmbeddings.Sinusoids(x, width, c.FlipSinToCos, c.FreqShift);
    }
}
