using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Tests;

/// <summary>Exported models: all oracles when they are there, otherwise the fixtures.</summary>
internal static class TestModels
{
    public static IReadOnlyList<string> Paths { get; } =
        [.. Directory.GetFiles(Repository.OracleFolder ?? Repository.Fixture(), "*.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    /// <summary>A google/ddpm-cifar10-32 export with a symbolic batch, without its weights.</summary>
    public static Model Cifar() => Load(Repository.Fixture("big", "ddpm-cifar10-32.onnx"));

    public static Model Load(string path) => Model.Load(path, new LoadOptions { AllowMissingWeights = true });

    /// <summary>The numbers to give the symbols of an exported model.</summary>
    public static Dictionary<string, long> Bindings(Model model, long batch)
    {
        var numbers = new Dictionary<string, long> { ["batch"] = batch, ["height"] = 64, ["width"] = 64, ["sequence"] = 77 };
        return model.Graph.Inputs.SelectMany(input => input.Shape!).Select(dim => dim.Symbol).OfType<string>().Distinct().ToDictionary(symbol => symbol, symbol => numbers[symbol]);
    }

    public static InferenceOptions Bound(Model model, long batch) => new() { Bindings = Bindings(model, batch) };
}
