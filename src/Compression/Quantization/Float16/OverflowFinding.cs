using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>Why nodes around a value stay in float32.</summary>
internal enum OverflowReason
{
    /// <summary>The value has numbers too near to the largest of float16, or beyond it.</summary>
    Range,

    /// <summary>The value's numbers are too small for float16.</summary>
    Underflow,

    /// <summary>The value changes too much when what it is computed from is rounded to float16.</summary>
    Sensitive,
}

/// <summary>A value that float16 spoils, and the nodes that stay in float32 for it.</summary>
/// <param name="Value">The value.</param>
/// <param name="Reason">Why.</param>
/// <param name="Largest">Its largest magnitude.</param>
/// <param name="Db">Signal-to-noise ratio in dB that float16 leaves.</param>
/// <param name="Nodes">The nodes.</param>
internal sealed record OverflowFinding(Value Value, OverflowReason Reason, float Largest, double Db, IReadOnlyList<Node> Nodes)
{
    /// <summary>What the stage reports.</summary>
    public JsonObject ToJson() => new()
    {
        ["value"] = Value.Name,
        ["reason"] = Reason switch { OverflowReason.Range => "range", OverflowReason.Underflow => "underflow", _ => "sensitive" },
        ["largest"] = Largest,
        ["snrDb"] = double.IsFinite(Db) ? Math.Round(Db, 1) : null,
        ["nodes"] = new JsonArray([.. Nodes.Select(node => (JsonNode)node.DisplayName)]),
    };
}

/// <summary>What float16 may do to a value.</summary>
internal sealed record OverflowLimits
{
    /// <summary>The largest magnitude; half of what float16 holds, so that other inputs have room.</summary>
    public float Largest { get; init; } = 65504f / 2;

    /// <summary>The least signal-to-noise ratio in dB, where rounding alone leaves about 70; null to look at the range alone, which takes half the time.</summary>
    public double? LeastDb { get; init; } = 40;
}
