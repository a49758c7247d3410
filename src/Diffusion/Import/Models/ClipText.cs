using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// CLIPTextModel and CLIPTextModelWithProjection: the text encoder of CLIP (Radford et al. 2021). Input: input_ids [batch, length], always
/// of full length, as the pipelines pad their prompts. Outputs: last_hidden_state; penultimate_hidden_state, which goes into the last
/// layer (hidden_states[-2]); pooler_output or text_embeds, for the whole text.
/// </summary>
internal static class ClipText
{
    /// <summary>Configurations with this end-of-text token are from before it was looked at: the largest token ends the text.</summary>
    private const int LegacyEnd = 2;

    private static readonly string[] s_activations = ["quick_gelu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"];

    /// <summary>Builds the graph.</summary>
    /// <param name="root">The root.</param>
    /// <param name="file">The configuration.</param>
    /// <param name="projection">Whether the text as a whole is projected.</param>
    public static void Build(Module root, ConfigFile file, bool projection)
    {
        var c = file.Bind<ClipTextConfig>();
        file.Require("hidden_act", c.HiddenAct, s_activations);
        file.Check(c is { NumHiddenLayers: > 0, NumAttentionHeads: > 0, HiddenSize: > 0 } && c.HiddenSize % c.NumAttentionHeads == 0, $"num_attention_heads {c.NumAttentionHeads} does not divide hidden_size {c.HiddenSize}");
        var (b, m) = (root.Builder, root["text_model"]);
        var ids = b.Input("input_ids", DataType.Int64, new Shape(new Dim("batch"), c.MaxPositionEmbeddings));
        var deviation = 0.02 * c.InitializerFactor;
        var x = m["embeddings"]["token_embedding"].Embedding(ids, c.VocabSize, c.HiddenSize, deviation);
        using (m["embeddings"].Enter())
        {
            x += m["embeddings"]["position_embedding"].Parameter("weight", new Initialization.Normal(deviation), c.MaxPositionEmbeddings, c.HiddenSize);
        }

        var mask = CausalMask(b, c.MaxPositionEmbeddings);
        var skip = root.Context.SkipTextLayers;
        file.Check(skip >= 0 && skip < c.NumHiddenLayers, $"the model has {c.NumHiddenLayers} layers, of which {skip} cannot be left out");
        List<Expr> states = [x];
        for (var i = 0; i < c.NumHiddenLayers; i++)
        {
            states.Add(Layer(m["encoder"]["layers"][i], states[^1], c, mask));
        }

        var norm = m["final_layer_norm"];
        var whole = norm.LayerNorm(states[^1], c.LayerNormEps);
        using var scope = m.Enter();
        var last = skip == 0 ? whole : norm.LayerNorm(states[^(1 + skip)], c.LayerNormEps);
        var pooled = b.Node("GatherND", [whole, End(ids, c.EosTokenId).View(-1, 1)], Attribute.Int("batch_dims", 1));
        if (projection)
        {
            b.AddOutput("text_embeds", root["text_projection"].Linear(pooled, c.ProjectionDim, bias: false, new Initialization.Normal(c.InitializerFactor / Math.Sqrt(c.HiddenSize))));
        }

        b.AddOutput("last_hidden_state", last);
        if (!projection)
        {
            b.AddOutput("pooler_output", pooled);
        }

        b.AddOutput("penultimate_hidden_state", states[^(2 + skip)]);
    }

    /// <summary>Whether a tensor of a checkpoint means nothing: the numbers of the positions.</summary>
    public static bool IsUnused(string name) => name == "text_model.embeddings.position_ids";

    /// <summary>Where the text ends, by row.</summary>
    private static Expr End(Expr ids, int token)
    {
        var marks = token == LegacyEnd ? ids.Cast(DataType.Int32) : ids.IsEqualTo(ids.Number(token)).Cast(DataType.Int32);
        return ids.Builder.Node("ArgMax", [marks], Attribute.Int("axis", 1), Attribute.Int("keepdims", 0));
    }

    private static Expr CausalMask(GraphBuilder b, int length)
    {
        var numbers = new float[length * length];
        for (var row = 0; row < length; row++)
        {
            numbers.AsSpan((row * length) + row + 1, length - row - 1).Fill(float.MinValue);
        }

        return b.Constant(Tensor.Floats([1, 1, length, length], numbers));
    }

    private static Expr Layer(Module m, Expr x, ClipTextConfig c, Expr mask)
    {
        using var scope = m.Enter();
        var inside = new Initialization.Normal(c.InitializerFactor / Math.Sqrt(2.0 * c.NumHiddenLayers * c.HiddenSize));
        var h = m["layer_norm1"].LayerNorm(x, c.LayerNormEps);
        var attention = m["self_attn"];
        h = attention.Attend(Project("q_proj"), Project("k_proj"), Project("v_proj"), c.NumAttentionHeads, mask);
        x += attention["out_proj"].Linear(h, c.HiddenSize, initialization: new Initialization.Normal(c.InitializerFactor / Math.Sqrt(c.HiddenSize)));
        h = m["layer_norm2"].LayerNorm(x, c.LayerNormEps);
        h = m["mlp"]["fc1"].Linear(h, c.IntermediateSize, initialization: new Initialization.Normal(c.InitializerFactor / Math.Sqrt(2.0 * c.HiddenSize)));
        using (m["mlp"].Enter())
        {
            h = h.Activation(c.HiddenAct);
        }

        return x + m["mlp"]["fc2"].Linear(h, c.HiddenSize, initialization: inside);

        Expr Project(string name) => attention[name].Linear(h, c.HiddenSize, initialization: inside);
    }
}
