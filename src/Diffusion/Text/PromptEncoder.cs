using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Text;

/// <summary>
/// Embeddings of prompts as the pipelines of Stable Diffusion 1, 2 and XL compute them: with one CLIP text encoder whose
/// normalised output the model takes, or with two, of which it takes what goes into their last layers side by side, and the
/// second one's vector for the whole prompt.
/// </summary>
public sealed class PromptEncoder
{
    private const string Second = "_2";

    private readonly TextEncoder[] _encoders;
    private readonly bool _zerosForNone;

    private PromptEncoder(string pipeline)
    {
        Folder = pipeline;
        IsLarge = Has(pipeline, Second);
        foreach (var other in Directory.EnumerateDirectories(pipeline, TextEncoder.EncoderName + "_*").Select(Path.GetFileName).Where(name => name != TextEncoder.EncoderName + Second).Order(StringComparer.Ordinal))
        {
            throw new CompressToolException(DiffusionErrors.InvalidCondition, $"'{pipeline}' has a further text encoder, {other}: prompts can be given to pipelines with one or two CLIP text encoders; compute the embeddings elsewhere and give them as arrays (--input name=file.npy)");
        }

        _encoders = [.. new[] { "", Second }.Where(suffix => Has(pipeline, suffix)).Select(suffix => new TextEncoder(pipeline, suffix))];
        _zerosForNone = IsLarge && ZerosForNone(pipeline);
    }

    /// <summary>The pipeline's folder.</summary>
    public string Folder { get; }

    /// <summary>Whether prompts are encoded as for Stable Diffusion XL.</summary>
    public bool IsLarge { get; }

    /// <summary>The scale of guidance that diffusers takes when none is given.</summary>
    public double UsualGuidance => IsLarge ? 5 : 7.5;

    /// <summary>Whether a folder has a text encoder.</summary>
    public static bool IsPipeline(string folder) => Has(folder, "") || Has(folder, Second);

    /// <summary>Opens the tokenizers of a pipeline and finds its encoders.</summary>
    /// <param name="pipeline">A diffusers folder with tokenizer and text_encoder, perhaps tokenizer_2 and text_encoder_2.</param>
    /// <exception cref="CompressToolException">It has none, or of a class that is not supported (CMP8105), or a tokenizer cannot be read (CMP8106).</exception>
    public static PromptEncoder Open(string pipeline)
    {
        pipeline = Path.GetFullPath(pipeline);
        return IsPipeline(pipeline) ? new PromptEncoder(pipeline)
            : throw new CompressToolException(DiffusionErrors.InvalidCondition, $"'{pipeline}' has no text encoder: prompts need a diffusers folder with {TextEncoder.TokenizerName} and {TextEncoder.EncoderName}");
    }

    /// <summary>How many tokens of a prompt do not fit and are not looked at.</summary>
    public int Dropped(string prompt) => _encoders.Max(encoder => encoder.Tokenizer.Tokenize(prompt).Dropped);

    /// <summary>Encodes prompts. Each encoder is loaded when there is an embedding that is not kept, one after the other.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="skip">How many of the last layers of the encoders are left out; 0 for none.</param>
    /// <param name="engine">What runs the encoders.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="keep">Where embeddings are kept.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The embeddings in the prompts' order.</returns>
    /// <exception cref="CompressToolException">An encoder cannot be imported or run.</exception>
    public IReadOnlyList<PromptEmbedding> Encode(IReadOnlyList<string> prompts, int skip, IEngine engine, EngineOptions? options, EmbeddingStore keep, CancellationToken cancellationToken = default)
    {
        var parts = _encoders.Select(encoder => encoder.Encode(prompts, IsLarge, skip, engine, options, keep, cancellationToken)).ToList();
        return [.. prompts.Select(prompt => PromptEmbedding.Join([.. parts.Select(part => part[prompt])]))];
    }

    /// <summary>Encodes what is not wanted, for guidance. As in diffusers, layers are not left out for it.</summary>
    /// <param name="negative">The prompt; null when there is none: zeros for pipelines that say so, and the empty prompt for others.</param>
    /// <param name="like">An embedding of a prompt.</param>
    /// <param name="engine">What runs the encoders.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="keep">Where embeddings are kept.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public PromptEmbedding EncodeNegative(string? negative, PromptEmbedding like, IEngine engine, EngineOptions? options, EmbeddingStore keep, CancellationToken cancellationToken = default) =>
        negative is null && _zerosForNone ? like.Zeros() : Encode([negative ?? ""], 0, engine, options, keep, cancellationToken)[0];

    private static bool Has(string pipeline, string suffix) => File.Exists(Path.Combine(pipeline, TextEncoder.EncoderName + suffix, "config.json"));

    /// <summary>The pipeline's own setting, which is on unless model_index.json says otherwise.</summary>
    private static bool ZerosForNone(string pipeline)
    {
        var path = Path.Combine(pipeline, "model_index.json");
        try
        {
            return !File.Exists(path) || JsonNode.Parse(File.ReadAllText(path)) is not JsonObject index || index["force_zeros_for_empty_prompt"] is not JsonValue value || !value.TryGetValue<bool>(out var zeros) || zeros;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(DiffusionErrors.NoCheckpoint, $"'{path}' cannot be read: {e.Message}", inner: e);
        }
    }
}
