using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Text;

/// <summary>The inputs of a model that follow from prompts.</summary>
/// <param name="With">Those for the prompts, with a row for each sample, or one for all.</param>
/// <param name="Without">Those of them that are different for what is not wanted.</param>
public sealed record PromptConditions(IReadOnlyDictionary<string, NdArray> With, IReadOnlyDictionary<string, NdArray> Without)
{
    private const string Hidden = "encoder_hidden_states", Pooled = "text_embeds", Sizes = "time_ids", Guidance = "timestep_cond";
    private const int SizesOfXL = 6;

    /// <summary>Whether a model has been trained with guidance inside and takes its scale as an input, so that it is not guided from outside.</summary>
    public static bool TakesGuidance(Denoiser denoiser) => denoiser.Conditions.Any(input => input.Name == Guidance);

    /// <summary>Makes the inputs.</summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="prompts">The embeddings of prompts, which the samples take in turns.</param>
    /// <param name="negative">The embedding of what is not wanted.</param>
    /// <param name="count">The number of samples.</param>
    /// <param name="size">Height and width of the images, in pixels.</param>
    /// <param name="guidance">The scale of guidance, for models that take it.</param>
    /// <param name="given">Inputs that the caller has himself.</param>
    /// <exception cref="CompressToolException">The model takes no prompts, of another kind or size, or further conditions (CMP8105).</exception>
    public static PromptConditions Create(Denoiser denoiser, IReadOnlyList<PromptEmbedding> prompts, PromptEmbedding negative, int count, ImageSize size, double guidance, IReadOnlyCollection<string> given)
    {
        var (with, without) = (new Dictionary<string, NdArray>(), new Dictionary<string, NdArray>());
        if (denoiser.Conditions.All(input => input.Name != Hidden))
        {
            throw Invalid($"the model takes no prompts: it has no input {Hidden}");
        }

        foreach (var input in denoiser.Conditions.Where(input => !given.Contains(input.Name)))
        {
            switch (input.Name)
            {
                case Hidden:
                    Add(input, embedding => embedding.Hidden);
                    break;
                case Pooled:
                    Add(input, embedding => embedding.Pooled ?? throw Invalid($"the model takes {Pooled}, which come from a second text encoder (text_encoder_2), and the pipeline has none"));
                    break;
                case Sizes when input.Type.Shape is null || input.Type.Shape[^1].Value is null or SizesOfXL:
                    // What the image was before it was cropped, where, and what it is: as if it had always been of this size.
                    with[Sizes] = Of(input, NdArray.Create<float>([size.Height, size.Width, 0, 0, size.Height, size.Width], 1, SizesOfXL));
                    break;
                case Guidance when input.Type.Shape is [_, { Value: { } width }]:
                    with[Guidance] = Of(input, NdArray.Create(Sinusoids((guidance - 1) * 1000, (int)width), 1, width));
                    break;
                default:
                    throw Invalid($"the model needs the condition {input}, which does not follow from a prompt as for Stable Diffusion 1, 2 and XL; give it as an array (--input {input.Name}=file.npy)");
            }
        }

        return new PromptConditions(with, without);

        void Add(FunctionValue input, Func<PromptEmbedding, NdArray> part)
        {
            with[input.Name] = Of(input, Rows([.. prompts.Select(part)], count));
            without[input.Name] = Of(input, part(negative));
        }
    }

    private static NdArray Rows(IReadOnlyList<NdArray> arrays, int count)
    {
        if (arrays.Count == 1)
        {
            return arrays[0];
        }

        var length = arrays[0].Data.Length;
        var rows = new byte[checked(count * length)];
        for (var row = 0; row < count; row++)
        {
            arrays[row % arrays.Count].Data.CopyTo(rows.AsMemory(row * length));
        }

        return new NdArray(arrays[0].Type, [count, .. arrays[0].Dims.Skip(1)], rows);
    }

    /// <summary>Float32 numbers as the model takes them.</summary>
    private static NdArray Of(FunctionValue input, NdArray array) => input.Type.ElementType != DataType.Float16 ? array
        : NdArray.Create(Array.ConvertAll(array.AsSpan<float>().ToArray(), number => (Half)number), array.Dims);

    /// <summary>Sines and cosines of a number, as latent consistency models were told their guidance (Luo et al. 2023, section 4.2).</summary>
    private static float[] Sinusoids(double number, int width)
    {
        var half = width / 2;
        var result = new float[width];
        for (var i = 0; i < half; i++)
        {
            var angle = number * Math.Exp(-Math.Log(10000) * i / Math.Max(half - 1, 1));
            (result[i], result[half + i]) = ((float)Math.Sin(angle), (float)Math.Cos(angle));
        }

        return result;
    }

    private static CompressToolException Invalid(string message) => new(DiffusionErrors.InvalidCondition, message);
}
