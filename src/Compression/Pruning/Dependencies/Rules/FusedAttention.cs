namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>Attention in one operator.</summary>
internal static class FusedAttention
{
    /// <summary>
    /// MultiHeadAttention of ONNX Runtime with projected query, key and value [batch, positions, heads * size]. Its heads all go on
    /// as they are; what it cannot tell apart (packed inputs, past states) stays.
    /// </summary>
    public static void Projected(NodeContext c)
    {
        var heads = (int)c.Node.GetInt("num_heads", 1);
        if (!c.Has(1) || !c.Has(2) || c.DimsOf(0).Length != 3 || c.DimsOf(1).Length != 3 || c.DimsOf(2).Length != 3 || Enumerable.Range(4, 20).Any(c.Has)
            || Enumerable.Range(1, 4).Any(output => c.Node.Output(output) is not null))
        {
            c.GiveUp("has packed inputs, masks, biases or past states, which are not followed");
            return;
        }

        var query = Heads(c, c.Input(0).Axes[2], heads);
        var key = Heads(c, c.Input(1).Axes[2], heads);
        var value = Heads(c, c.Input(2).Axes[2], heads);
        if (query is null || key is null || value is null)
        {
            c.GiveUp("has heads that cannot be told apart");
            return;
        }

        if (c.Has(3))
        {
            var bias = c.Input(3).Axes[0][0].Grid!.Slots;
            var (first, second) = (query.Slots.Length, query.Slots.Length + key.Slots.Length);
            c.Coupling.Slots.Join(query.Slots, bias[..first]);
            c.Coupling.Slots.Join(key.Slots, bias[first..second]);
            c.Coupling.Slots.Join(value.Slots, bias[second..]);
        }

        c.Coupling.Couple([[Factor.Of(query, 0)], [Factor.Of(query, 1)]], [[Factor.Of(key, 0)], [Factor.Of(key, 1)]], c.Where);
        c.Coupling.Couple([[Factor.Of(query, 0)]], [[Factor.Of(value, 0)]], c.Where);
        c.Output(new Layout([.. c.Input(0).Axes[..2], [Factor.Of(c.Grids.Plain(value.Slots))]]));
    }

    private static Grid? Heads(NodeContext c, Factor[] axis, int heads)
    {
        if (Layout.SlotsOf(axis) is not { } slots || !Array.TrueForAll(slots, slot => slot >= 0))
        {
            return null;
        }

        var grid = c.Grids.Get(slots, [heads, slots.Length / heads]);
        (grid.IsHard, grid.HeadDims) = (true, 1);
        c.Coupling.MarkAttention([axis]);
        return grid;
    }
}
