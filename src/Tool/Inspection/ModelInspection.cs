using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Inspection;

/// <summary>What <c>inspect</c> shows of a model, for scripts and for people.</summary>
internal sealed class ModelInspection
{
    private readonly Model _model;
    private readonly ModelCost _cost;
    private readonly ModelSparsity? _sparsity;
    private readonly MissingWeights _missing;
    private readonly IReadOnlyList<LayerCost> _layers;
    private readonly IReadOnlyList<(string Name, int Count)> _operators;
    private readonly long _bytes;

    /// <summary>Collects the facts.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cost">What it costs.</param>
    /// <param name="sparsity">Its zeros; null when they were not counted.</param>
    /// <param name="missing">Weight files that are not there.</param>
    public ModelInspection(Model model, ModelCost cost, ModelSparsity? sparsity, MissingWeights missing)
    {
        (_model, _cost, _sparsity, _missing) = (model, cost, sparsity, missing);
        _layers = LayerCost.Of(model, cost, sparsity);
        _bytes = model.Files.Sum(file => new FileInfo(file).Length) + missing.Bytes;
        _operators =
        [
            .. model.Graph.AllNodes().GroupBy(node => node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}")
                .Select(group => (group.Key, group.Count())).OrderByDescending(item => item.Item2).ThenBy(item => item.Key, StringComparer.Ordinal),
        ];
    }

    /// <summary>Zeros among the weights of layers only, which is what pruning and the sparsity gate are about.</summary>
    private double? LayerSparsity => _layers.Select(layer => layer.Sparsity).OfType<WeightSparsity>().ToList() is { Count: > 0 } weights
        ? (double)weights.Sum(weight => weight.Zeros) / weights.Sum(weight => weight.Elements) : null;

    private IEnumerable<Value> Inputs => _model.Graph.Inputs.Where(input => input.Initializer is null);

    /// <summary>The facts for scripts.</summary>
    /// <param name="withLayers">Whether to list the layers.</param>
    public JsonObject ToJson(bool withLayers)
    {
        var json = new JsonObject
        {
            ["model"] = _model.Path,
            ["parameters"] = _cost.Parameters,
            ["macs"] = _cost.Macs,
            ["macsWithAttention"] = _cost.MacsWithAttention,
            ["batch"] = _cost.Batch,
            ["bytes"] = _bytes,
            ["weightBytes"] = _cost.Bytes,
            ["missingWeights"] = new JsonArray([.. _missing.Files.Select(file => JsonValue.Create(file))]),
            ["sparsity"] = _sparsity?.Ratio,
            ["layerSparsity"] = LayerSparsity,
            ["opset"] = _model.Opset,
            ["opsets"] = new JsonObject(_model.OpsetImports.OrderBy(import => import.Key, StringComparer.Ordinal).Select(import => KeyValuePair.Create(import.Key, (JsonNode?)import.Value))),
            ["producer"] = Producer,
            ["inputs"] = new JsonArray([.. Inputs.Select(Describe)]),
            ["outputs"] = new JsonArray([.. _model.Graph.Outputs.Select(Describe)]),
            ["operators"] = new JsonObject(_operators.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)item.Count))),
        };
        if (withLayers)
        {
            json["layers"] = new JsonArray([.. _layers.Select(Describe)]);
        }

        return json;
    }

    /// <summary>The facts for people.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="withLayers">Whether to list the layers.</param>
    public void Write(TextWriter output, bool withLayers)
    {
        if (withLayers)
        {
            WriteLayers(output);
            output.WriteLine();
        }

        var facts = new TableWriter("", "");
        facts.Add("parameters", Units.Count(_cost.Parameters));
        facts.Add("MACs", $"{Units.Scaled(_cost.Macs)} for a batch of {_cost.Batch}; {Units.Scaled(_cost.MacsWithAttention)} with the products inside attention{Assumed}");
        facts.Add("size", $"{Units.Bytes(_bytes)}, weights {Units.Bytes(_cost.Bytes)}");
        facts.Add("sparsity", _missing.Files.Count > 0 ? "unknown: weights are missing" : _sparsity is null ? "not counted (--sparsity)"
            : $"{Units.Percent(_sparsity.Ratio)} of the parameters{(LayerSparsity is { } layers ? $", {Units.Percent(layers)} of the layers' weights" : "")}");
        facts.Add("opset", string.Join(", ", _model.OpsetImports.OrderBy(import => import.Key, StringComparer.Ordinal).Select(import => import.Key.Length == 0 ? $"{import.Value}" : $"{import.Key} {import.Value}")));
        facts.Add("producer", Producer);
        var title = "operators";
        foreach (var line in Wrap(_operators.Select(item => $"{item.Name} {item.Count}")))
        {
            facts.Add(title, line);
            title = "";
        }

        facts.Write(output);
        output.WriteLine();

        var values = new TableWriter("", "", "");
        foreach (var (kind, list) in new[] { ("input", Inputs), ("output", _model.Graph.Outputs) })
        {
            foreach (var value in list)
            {
                values.Add(kind, value.Name, value.Type?.ToString() ?? "?");
            }
        }

        values.Write(output);
    }

    private string Producer => $"{_model.ProducerName} {_model.ProducerVersion}".Trim();

    private string Assumed => _cost.CountedAsOne.Count + _cost.CountedAsUsual.Count == 0 ? ""
        : $" ({string.Join(", ", [.. _cost.CountedAsUsual.Select(pair => $"{pair.Key} {Units.Count(pair.Value)}"), .. _cost.CountedAsOne.Count == 0 ? [] : (string[])[string.Join(", ", _cost.CountedAsOne) + " taken as 1"]])}; --bind gives other numbers)";

    private static IEnumerable<string> Wrap(IEnumerable<string> items)
    {
        const int Width = 100;
        var line = "";
        foreach (var item in items)
        {
            if (line.Length > 0 && line.Length + item.Length > Width)
            {
                yield return line + ",";
                line = "";
            }

            line += (line.Length > 0 ? ", " : "") + item;
        }

        yield return line;
    }

    private static JsonObject Describe(Value value) => new()
    {
        ["name"] = value.Name,
        ["type"] = value.TensorType?.ElementType.DisplayName(),
        ["shape"] = value.Shape is not { } shape ? null : new JsonArray([.. shape.Select(dim => dim.Value is { } size ? JsonValue.Create(size) : dim.Symbol is { } symbol ? JsonValue.Create(symbol) : null)]),
    };

    private static JsonObject Describe(LayerCost cost) => new()
    {
        ["name"] = cost.Layer.Name,
        ["kind"] = cost.Layer.Kind.ToString(),
        ["weight"] = cost.Layer.Weight.Name,
        ["shape"] = new JsonArray([.. cost.Layer.Tensor.Dims.Select(dim => JsonValue.Create(dim))]),
        ["type"] = cost.Layer.Tensor.Type.DisplayName(),
        ["parameters"] = cost.Layer.Tensor.Count,
        ["macs"] = cost.Macs,
        ["sparsity"] = cost.Sparsity?.Ratio,
    };

    private void WriteLayers(TextWriter output)
    {
        var table = new TableWriter("layer", "kind", "weight", ">parameters", ">MACs", ">sparsity");
        foreach (var (layer, macs, sparsity) in _layers)
        {
            table.Add(layer.Name, layer.Kind.ToString(), layer.Tensor.ToString(), Units.Count(layer.Tensor.Count), Units.Scaled(macs), sparsity is null ? "" : Units.Percent(sparsity.Ratio));
        }

        table.Write(output);
    }
}
