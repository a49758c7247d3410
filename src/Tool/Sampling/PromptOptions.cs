using System.CommandLine;
using CompressTool.Diffusion.Text;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Sampling;

/// <summary>What the command line says with prompts, as a model takes it.</summary>
/// <param name="Texts">The prompts, which samples take in turns.</param>
/// <param name="Negative">What is not wanted; null when it does not say.</param>
/// <param name="Embeddings">The embeddings of the prompts.</param>
/// <param name="Without">The embedding for guidance away from it.</param>
/// <param name="UsualGuidance">The scale of guidance when none is given.</param>
internal sealed record EncodedPrompts(IReadOnlyList<string> Texts, string? Negative, IReadOnlyList<PromptEmbedding> Embeddings, PromptEmbedding Without, double UsualGuidance);

/// <summary>The options of the command line about prompts.</summary>
internal sealed class PromptOptions
{
    private readonly Option<string[]> _prompts = new("--prompt", "-p") { Description = "What the samples are to show; may be given several times, one for each sample, in turns.", HelpName = "TEXT" };
    private readonly Option<string?> _negative = new("--negative-prompt") { Description = "What they are not to show, for guidance.", HelpName = "TEXT" };
    private readonly Option<int> _skip = CommonOptions.Number("--clip-skip", "How many of the last layers of the text encoder are left out for prompts.", 0, 0);
    private readonly Option<string?> _pipeline = new("--pipeline") { Description = "The diffusers folder that an .onnx file belongs to: its tokenizer, text encoder, autoencoder and scheduler are used.", HelpName = "FOLDER" };
    private readonly Option<string?> _cache = CacheFolder.CreateOption();

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_prompts, _negative, _skip, _pipeline, _cache];

    /// <summary>The pipeline's folder: the given one, or the nearest with a text encoder, at the model or up to two folders above.</summary>
    /// <param name="context">The command.</param>
    /// <param name="model">The model that the command line names.</param>
    public string? Pipeline(CommandContext context, string model)
    {
        if (context.Get(_pipeline) is { } given)
        {
            return Directory.Exists(given) ? Path.GetFullPath(given) : throw new CompressToolException(OnnxErrors.FileNotFound, $"the folder '{given}' does not exist");
        }

        var path = Path.GetFullPath(Directory.Exists(model) || model.LastIndexOf('#') is not (> 0 and var place) ? model : model[..place]);
        for (var (up, folder) = (0, path); up <= 2 && folder is not null; up++, folder = Path.GetDirectoryName(folder))
        {
            if (PromptEncoder.IsPipeline(folder))
            {
                return folder;
            }
        }

        return null;
    }

    /// <summary>Whether the command line names the pipeline.</summary>
    public bool NamesPipeline(CommandContext context) => context.IsGiven(_pipeline);

    /// <summary>How many prompts there are.</summary>
    public int Count(CommandContext context) => context.Get(_prompts)?.Length ?? 0;

    /// <summary>Encodes the prompts.</summary>
    /// <param name="context">The command.</param>
    /// <param name="pipeline">The pipeline's folder; null when there is none.</param>
    /// <param name="engine">What runs the encoders.</param>
    /// <param name="options">How.</param>
    /// <returns>The prompts; null when none are given.</returns>
    /// <exception cref="CompressToolException">There is no text encoder, or it cannot be used.</exception>
    public EncodedPrompts? Encode(CommandContext context, string? pipeline, IEngine engine, EngineOptions options)
    {
        var (prompts, negative) = (context.Get(_prompts) ?? [], context.Get(_negative));
        if (prompts.Length == 0)
        {
            return negative is null && !context.IsGiven(_skip) ? null : throw new CompressToolException(ToolErrors.Missing, $"'{(negative is null ? "--clip-skip" : "--negative-prompt")}' is about a prompt: give one with --prompt");
        }

        var encoder = PromptEncoder.Open(pipeline ?? throw new CompressToolException(ToolErrors.Missing,
            "there is no text encoder at the model: --prompt needs a diffusers folder with tokenizer and text_encoder; name it with --pipeline"));
        foreach (var prompt in prompts.Append(negative ?? "").Distinct())
        {
            if (encoder.Dropped(prompt) is > 0 and var dropped)
            {
                context.Console.Info($"the prompt is too long for the text encoder: its last {dropped} tokens are not looked at: {prompt}");
            }
        }

        using var display = context.Console.StartProgress("encode");
        var keep = KeptEmbeddings.Open(CacheFolder.Of(context.Get(_cache)), context);
        var embeddings = encoder.Encode(prompts, context.Get(_skip), engine, options, keep, context.CancellationToken);
        return new EncodedPrompts(prompts, negative, embeddings, encoder.EncodeNegative(negative, embeddings[0], engine, options, keep, context.CancellationToken), encoder.UsualGuidance);
    }
}
