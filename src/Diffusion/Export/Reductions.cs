using System.Text.Json.Nodes;

namespace CompressTool.Diffusion.Export;

/// <summary>
/// What configurations say about models of which layers, blocks or levels have been removed. Each is a proposal: whether the model
/// really is what the changed configuration describes is found out by comparing the graphs.
/// </summary>
internal static class Reductions
{
    /// <summary>UNet2DModel: levels, residual blocks of all levels, attention of a level, attention in the middle, the middle.</summary>
    public static void UNet2D(JsonObject config, ParameterTree tree)
    {
        var levels = KeepLevels(config, tree);
        if (levels.Count > 0)
        {
            Set(config, "layers_per_block", levels.Max(level => tree.Numbers($"down_blocks.{level}.resnets").Count));
        }

        PlainTypes(config, tree, levels);
        if (!tree.Has("mid_block"))
        {
            Set(config, "mid_block_type", null);
        }
        else if (!tree.Has("mid_block.attentions"))
        {
            Set(config, "add_attention", false);
        }
    }

    /// <summary>UNet2DConditionModel: levels, residual blocks by level, transformer blocks by level, the attention of a level, the middle or its attention.</summary>
    public static void UNet2DCondition(JsonObject config, ParameterTree tree)
    {
        var levels = KeepLevels(config, tree);
        Set(config, "layers_per_block", Same(levels.Select(level => tree.Numbers($"down_blocks.{level}.resnets").Count)));
        PlainTypes(config, tree, levels);
        var all = tree.Numbers("up_blocks").Count;
        var depths = levels.Select(level =>
        {
            var places = new[] { $"down_blocks.{level}.attentions", $"up_blocks.{all - 1 - level}.attentions" }.SelectMany(place => tree.Numbers(place).Select(number => $"{place}.{number}.transformer_blocks"));
            return places.Select(place => tree.Numbers(place).Count).DefaultIfEmpty(1).Max();
        });
        Set(config, "transformer_layers_per_block", Same(depths), standard: 1);
        if (!tree.Has("mid_block"))
        {
            Set(config, "mid_block_type", null);
        }
        else if (!tree.Has("mid_block.attentions"))
        {
            Set(config, "mid_block_type", "UNetMidBlock2D");
        }
    }

    /// <summary>AutoencoderKL: residual blocks of all levels, attention in the middle.</summary>
    public static void Autoencoder(JsonObject config, ParameterTree tree)
    {
        Set(config, "layers_per_block", tree.Numbers("encoder.down_blocks.0.resnets").Count);
        if (!tree.Has("encoder.mid_block.attentions"))
        {
            Set(config, "mid_block_add_attention", false);
        }
    }

    /// <summary>Transformers: blocks.</summary>
    public static void Transformer(JsonObject config, ParameterTree tree) => Set(config, "num_layers", tree.Numbers("transformer_blocks").Count);

    /// <summary>FluxTransformer2DModel: blocks of both kinds.</summary>
    public static void Flux(JsonObject config, ParameterTree tree)
    {
        Set(config, "num_layers", tree.Numbers("transformer_blocks").Count, standard: 19);
        Set(config, "num_single_layers", tree.Numbers("single_transformer_blocks").Count, standard: 38);
    }

    /// <summary>Text encoders: layers.</summary>
    public static void ClipText(JsonObject config, ParameterTree tree) => Set(config, "num_hidden_layers", tree.Numbers("text_model.encoder.layers").Count);

    /// <summary>Sets a key, unless it says the same already, or says nothing and that means the same.</summary>
    public static void Set(JsonObject config, string key, JsonNode? value, JsonNode? standard = null)
    {
        if (config.ContainsKey(key) ? !JsonNode.DeepEquals(config[key], value) : standard is null || !JsonNode.DeepEquals(standard, value))
        {
            config[key] = value;
        }
    }

    /// <summary>Leaves the levels that have parameters on the way down.</summary>
    /// <returns>Their numbers before.</returns>
    private static IReadOnlyList<int> KeepLevels(JsonObject config, ParameterTree tree)
    {
        var levels = tree.Numbers("down_blocks");
        foreach (var (key, isUp) in new[]
        {
            ("block_out_channels", false), ("down_block_types", false), ("up_block_types", true), ("attention_head_dim", false), ("cross_attention_dim", false), ("only_cross_attention", false),
        })
        {
            if (config[key] is JsonArray items && items.Count > levels.Count && levels.All(level => level < items.Count))
            {
                var kept = levels.Select(level => isUp ? items.Count - 1 - level : level).Order();
                config[key] = new JsonArray([.. kept.Select(place => items[place]?.DeepClone())]);
            }
        }

        return levels;
    }

    /// <summary>Blocks without attention are of another type.</summary>
    private static void PlainTypes(JsonObject config, ParameterTree tree, IReadOnlyList<int> levels)
    {
        foreach (var (key, blocks, plain) in new[] { ("down_block_types", levels, "DownBlock2D"), ("up_block_types", tree.Numbers("up_blocks"), "UpBlock2D") })
        {
            if (config[key] is not JsonArray types)
            {
                continue;
            }

            foreach (var (place, block) in blocks.Index())
            {
                if (place < types.Count && (string?)types[place] is { } type && type.Contains("Attn") && !tree.Has($"{key[..key.IndexOf('_')]}_blocks.{block}.attentions"))
                {
                    types[place] = plain;
                }
            }
        }
    }

    private static JsonNode? Same(IEnumerable<int> numbers)
    {
        var all = numbers.ToArray();
        return all.Distinct().Count() == 1 ? all[0] : new JsonArray([.. all.Select(number => (JsonNode)number)]);
    }
}
