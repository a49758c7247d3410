using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Benchmarks;

/// <summary>All schemes on all exported models: how far their outputs are from those of float32, and what ONNX Runtime computes in integers.</summary>
internal sealed class QuantizationAccuracy : IBenchmark
{
    private const string Calibration = "calibration: { random: 16 }";

    private static readonly (string Folder, string File)[] s_models =
    [
        ("unet2d", "model_op17_dynbatch.onnx"),
        ("unet2d-cifarstyle", "model_op14.onnx"),
        ("unet2d-cond", "model_op17.onnx"),
        ("autoencoder-kl", "encoder_op17.onnx"),
        ("autoencoder-kl", "decoder_op17.onnx"),
        ("dit", "model_op17_dynbatch.onnx"),
        ("fashion-ddpm", "model_op17.onnx"),
    ];

    private static readonly (string Name, string Options)[] s_schemes =
    [
        ("fp16", "scheme: fp16"),
        ("bf16", "scheme: bf16"),
        ("int16", $"scheme: int16, {Calibration}"),
        ("int8", $"scheme: int8, {Calibration}"),
        ("int8, tensorrt", $"scheme: int8, backend: tensorrt, {Calibration}"),
        ("int8-dynamic", "scheme: int8-dynamic"),
        ("int8-weights", "scheme: int8-weights"),
        ("int4", "scheme: int4"),
        ("int4, gptq", $"scheme: int4, method: gptq, {Calibration}"),
    ];

    public string Name => "quantization-accuracy";

    public string Description => "signal-to-noise ratio of every scheme to float32, in dB, on every exported model of the oracles.";

    public void Run(BenchmarkContext context)
    {
        context.Output.WriteLine($"| model | {string.Join(" | ", s_schemes.Select(scheme => scheme.Name))} | int8: operators in integers, layers left in floating point |");
        context.Output.WriteLine($"|-------|{string.Concat(Enumerable.Repeat("---:|", s_schemes.Length))}---|");
        foreach (var (folder, file) in s_models.Where(model => Oracles.TryFind(model.Folder, model.File) is not null))
        {
            var model = folder + "-" + file;
            File.Copy(Oracles.Find(folder, file), context.File(model));
            var (feeds, exact) = Reference(context.File(model), Oracles.Find(folder, "io"));
            var operators = "";
            var cells = s_schemes.Select(scheme =>
            {
                File.WriteAllText(context.File("accuracy.yml"), $"version: 1\nmodel: {model}\nstages:\n  - quantize: {{ {scheme.Options} }}\noutputs:\n  - format: onnx\n");
                var result = JsonNode.Parse(Measure.Output(context.Folder, "run", context.File("accuracy.yml"), "--cache", context.File("cache"), "--output", context.File("out"), "--json"))!;
                if (scheme.Name == "int8" && result["stages"]![0]!["metrics"]!["runtime"] is { } runtime)
                {
                    operators = $"{runtime["integerOperators"]!.ToJsonString()}, {runtime["floatOperators"]!.AsArray().Count}".Replace("\"", "", StringComparison.Ordinal);
                }

                using var function = new OnnxRuntimeEngine().Compile(context.File(Path.Combine("out", "accuracy.onnx")));
                return SnrDb(exact, function.Run(feeds)).ToString("0.0", CultureInfo.InvariantCulture);
            }).ToArray();
            context.Output.WriteLine($"| {folder} {Path.GetFileNameWithoutExtension(file)} | {string.Join(" | ", cells)} | {operators} |");
        }
    }

    private static (Dictionary<string, NdArray> Feeds, IReadOnlyDictionary<string, NdArray> Outputs) Reference(string path, string inputs)
    {
        using var function = new OnnxRuntimeEngine().Compile(path);
        var feeds = function.Inputs.ToDictionary(input => input.Name, input => NdArray.From(NpyFile.Read(Path.Combine(inputs, input.Name + ".npy"))));
        return (feeds, function.Run(feeds));
    }

    /// <summary>Of all numbers of all outputs.</summary>
    private static double SnrDb(IReadOnlyDictionary<string, NdArray> exact, IReadOnlyDictionary<string, NdArray> noisy)
    {
        var (signal, noise) = (0.0, 0.0);
        foreach (var (name, array) in exact)
        {
            foreach (var (left, right) in array.ToTensor().ToFloats().Zip(noisy[name].ToTensor().ToFloats()))
            {
                signal += (double)left * left;
                noise += ((double)left - right) * ((double)left - right);
            }
        }

        return 10 * Math.Log10(signal / noise);
    }
}
