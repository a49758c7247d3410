using System.Globalization;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Text;

/// <summary>A text encoder of a pipeline with its tokenizer. The encoder is loaded when it is needed first.</summary>
internal sealed class TextEncoder
{
    public const string EncoderName = "text_encoder", TokenizerName = "tokenizer";

    private static readonly string[] s_classes = ["CLIPTextModel", "CLIPTextModelWithProjection"];

    private readonly DiffusersComponent _component;

    /// <summary>Finds an encoder.</summary>
    /// <param name="pipeline">The pipeline's folder.</param>
    /// <param name="suffix">What stands behind the names of both folders: nothing, or <c>_2</c>.</param>
    /// <exception cref="CompressToolException">It is of a class that is not supported, or its tokenizer cannot be read.</exception>
    public TextEncoder(string pipeline, string suffix)
    {
        _component = DiffusersComponent.Find(Path.Combine(pipeline, EncoderName + suffix));
        if (!s_classes.Contains(_component.ClassName))
        {
            throw new CompressToolException(DiffusionErrors.InvalidCondition,
                $"'{pipeline}' reads prompts with a {_component.ClassName} ({EncoderName}{suffix}), which is not supported ({string.Join(" and ", s_classes)} are); compute the embeddings elsewhere and give them as arrays (--input name=file.npy)");
        }

        Tokenizer = ClipTokenizer.Load(Path.Combine(pipeline, TokenizerName + suffix));
    }

    /// <summary>Makes tokens of prompts.</summary>
    public ClipTokenizer Tokenizer { get; }

    /// <summary>Whether it has a vector for the whole prompt as models take it.</summary>
    private bool Projects => _component.ClassName == s_classes[1];

    /// <summary>Encodes prompts.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="large">Whether the model takes what goes into the last layer, as Stable Diffusion XL does, or the normalised output.</param>
    /// <param name="skip">How many of the last layers are left out.</param>
    /// <param name="engine">What runs it.</param>
    /// <param name="options">How.</param>
    /// <param name="keep">Where embeddings are kept.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public IReadOnlyDictionary<string, PromptEmbedding> Encode(IEnumerable<string> prompts, bool large, int skip, IEngine engine, EngineOptions? options, EmbeddingStore keep, CancellationToken cancellationToken)
    {
        var output = large ? "penultimate_hidden_state" : "last_hidden_state";
        ICompiledFunction? function = null;
        try
        {
            return prompts.Distinct().ToDictionary(prompt => prompt, prompt =>
            {
                var tokens = Tokenizer.Tokenize(prompt).Ids;
                return keep.Get(_component.Files, new Dictionary<string, string>
                {
                    ["tokens"] = string.Join(' ', tokens.Select(token => token.ToString(CultureInfo.InvariantCulture))),
                    ["output"] = output,
                    ["skip"] = skip.ToString(CultureInfo.InvariantCulture),
                    ["importer"] = DiffusersImporter.Version.ToString(CultureInfo.InvariantCulture),
                    ["engine"] = engine.Version,
                }, () => Run(function ??= Compile(skip, engine, options, cancellationToken), tokens, output, cancellationToken));
            });
        }
        finally
        {
            function?.Dispose();
        }
    }

    private ICompiledFunction Compile(int skip, IEngine engine, EngineOptions? options, CancellationToken cancellationToken)
    {
        using var model = DiffusersImporter.Import(_component, new ImportOptions { SkipTextLayers = skip });
        var function = engine.Compile(model, options, cancellationToken);
        if (function.Inputs[0].Type.Shape?[1].Value is { } length && length != Tokenizer.Length)
        {
            function.Dispose();
            throw new CompressToolException(DiffusionErrors.InvalidTokenizer, $"the tokenizer of '{_component.Config}' makes {Tokenizer.Length} tokens of a prompt (model_max_length), and the text encoder takes {length}");
        }

        return function;
    }

    private PromptEmbedding Run(ICompiledFunction function, long[] tokens, string output, CancellationToken cancellationToken)
    {
        var feeds = new Dictionary<string, NdArray> { [function.Inputs[0].Name] = NdArray.Create(tokens, 1, tokens.Length) };
        const string pooled = "text_embeds";
        var outputs = function.Run(feeds, Projects ? [output, pooled] : [output], cancellationToken);
        return new PromptEmbedding(outputs[output], Projects ? outputs[pooled] : null);
    }
}
