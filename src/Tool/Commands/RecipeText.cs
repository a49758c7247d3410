using System.Text.Json.Nodes;
using CompressTool.Recipes.Store;

namespace CompressTool.Tool.Commands;

/// <summary>The text of new recipes.</summary>
internal static class RecipeText
{
    private static readonly Dictionary<string, (string Stage, string Gate)> s_methods = new()
    {
        ["weights"] = (
            """
              # In every layer, the half of the weights with the smallest magnitude becomes zero.
              - prune:
                  structure: weights
                  criterion: magnitude
                  target: { sparsity: 50% }
            """, Sparsity),
        ["n:m"] = (
            """
              # Of every 4 weights along the input channels, the 2 with the smallest magnitude become zero.
              - prune:
                  structure: n:m
                  pattern: "2:4"
            """, Sparsity),
        ["channels"] = (
            """
              # Of what hangs together, 30 % of the channels are removed for good: smaller and faster on every machine.
              # With data, activation-variance costs the samples of a diffusion model least, as docs/criteria.md shows:
              # criterion: activation-variance with importance: { data: { images: train } }.
              - prune:
                  structure: channels
                  criterion: magnitude
                  target: { ratio: 30% }
                  # Training gives back most of what was lost:
                  # finetune: { data: { images: train }, steps: 1000 }
            """, "parameters: { max: 90% }"),
        ["fp16"] = (
            """
              # Weights and arithmetic in 16-bit floating point: half the size.
              - quantize:
                  scheme: fp16
            """, "size: { max: 60% }"),
        ["bf16"] = (
            """
              # Weights in bfloat16, arithmetic in float32: half the size, as fast as before.
              - quantize:
                  scheme: bf16
            """, "size: { max: 60% }"),
        ["int8"] = (
            """
              # Convolutions and matrix products in 8-bit integers: the fastest on CPUs.
              - quantize:
                  scheme: int8
                  # The ranges of activations are found with the samples that a diffusion model draws. Other models need inputs:
                  # calibration: { data: { tensors: inputs.safetensors } }
            """, Size),
        ["int8-dynamic"] = (
            """
              # Weights in 8-bit integers; activations are quantized while the model runs.
              - quantize:
                  scheme: int8-dynamic
            """, Size),
        ["int8-weights"] = (
            """
              # The weights of matrix products in 8-bit integers, in blocks with a scale each; arithmetic stays as it is.
              - quantize:
                  scheme: int8-weights
            """, Size),
        ["int4"] = (
            """
              # The weights of matrix products in 4-bit integers, in blocks with a scale each; arithmetic stays as it is.
              - quantize:
                  scheme: int4
            """, Size),
    };

    private const string Sparsity = "sparsity: { min: 10% }";
    private const string Size = "size: { max: 100% }";

    /// <summary>Name of the file beside the recipe that tells editors the language; <c>dotnet compress schema</c> writes it.</summary>
    public const string SchemaName = "compress.schema.json";

    /// <summary>The methods there are.</summary>
    public static IReadOnlyList<string> Methods { get; } = [.. s_methods.Keys];

    /// <summary>A recipe that does one thing, with comments that say what else there is.</summary>
    /// <param name="method">One of <see cref="Methods"/>.</param>
    /// <param name="model">The model, relative to the recipe.</param>
    public static string Create(string method, string model)
    {
        var (stage, gate) = s_methods[method];
        return $$"""
            # yaml-language-server: $schema={{SchemaName}}
            # A compression recipe: what is done to a model, in which order, and how good it must still be.
            # `dotnet compress run` runs it; in a project, <CompressRecipe Include="..." /> makes it part of the build.
            version: 1

            # The model to compress, relative to this file.
            model: {{Scalar(model)}}

            stages:
            {{stage}}
                  # Layers to leave alone, as `dotnet compress inspect MODEL --layers` names them:
                  # layers: { exclude: ["conv_out"] }

            # The run fails when one of these does not hold. Tighten them to what your app needs.
            gates:
              {{gate}}
              # psnr: { min: 30 }

            """.ReplaceLineEndings("\n");
    }

    /// <summary>A path as YAML, in quotes where it needs them.</summary>
    private static string Scalar(string path)
    {
        path = path.Replace(Path.DirectorySeparatorChar, '/').Replace("${", "$${");
        var plain = path.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '/' or '-' or '_') && char.IsAsciiLetter(path[0]);
        return plain ? path : JsonText.Compact(JsonValue.Create(path)!);
    }
}
