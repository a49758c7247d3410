using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Recipes.Build;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>The manifest beside a finished model.</summary>
internal static class Manifest
{
    /// <summary>Its text.</summary>
    public static string Write(Plan plan, Artifact artifact, IReadOnlyList<GateOutcome> gates, string fileName)
    {
        using var model = Model.Load(artifact.ModelPath);
        return new ModelManifest
        {
            Name = plan.Name,
            ModelFileName = fileName,
            Sha256 = artifact.Files[0].Sha256,
            Bytes = artifact.Bytes,
            Parameters = ModelCost.Measure(model).Parameters,
            Metrics = gates.ToDictionary(gate => gate.Kind, gate => gate.Measured),
            Gates = [.. gates.Select(gate => new ManifestGate(gate.Kind, gate.Measured, gate.Text))],
        }.ToJson();
    }
}
