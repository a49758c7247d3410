namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>
/// Attention in one operator. Its heads go whole, and parts of them from all in the same number; states of earlier calls are inputs and
/// outputs of the model, so that nothing goes where there are any.
/// </summary>
internal static class FusedAttention
{
    private const string NotFollowed = "has packed inputs or states of earlier calls, which are not followed";
    private const string NotApart = "has heads that cannot be told apart";

    /// <summary>MultiHeadAttention of ONNX Runtime with projected query, key and value [batch, positions, heads * size].</summary>
    public static void Projected(NodeContext c)
    {
        var heads = (int)c.Node.GetInt("num_heads", 1);
        if (!Enumerable.Range(0, 3).All(input => c.Has(input) && c.DimsOf(input).Length == 3) || HasStates(c, 6, 1))
        {
            c.GiveUp(NotFollowed);
            return;
        }

        if (Heads(c, SlotsOf(c, 0), heads) is not { } query || Heads(c, SlotsOf(c, 1), heads) is not { } key || Heads(c, SlotsOf(c, 2), heads) is not { } value)
        {
            c.GiveUp(NotApart);
            return;
        }

        if (c.Has(3))
        {
            int[] joined = [.. query.Slots, .. key.Slots, .. value.Slots];
            c.Couple([Factor.Of(c.Grids.Plain(joined))], c.Input(3).Axes[0]);
        }

        CoupleBias(c, 5, query);
        Couple(c, query, key, value);
    }

    /// <summary>Attention of ONNX Runtime: one weight [inputs, queries + keys + values] makes all three.</summary>
    public static void Projecting(NodeContext c)
    {
        var heads = (int)c.Node.GetInt("num_heads", 1);
        Layout weight = c.Input(1), input = c.Input(0);
        var width = c.DimsOf(1)[1];
        int[] sizes = c.Node.GetInts("qkv_hidden_sizes") is { } given ? [.. given.Select(size => (int)size)] : [width / 3, width / 3, width / 3];
        if (HasStates(c, 4, 1, except: 5) || Layout.SlotsOf(weight.Axes[1]) is not { } slots || sizes[0] != sizes[1])
        {
            c.GiveUp(NotFollowed);
            return;
        }

        c.Couple(input.Axes[2], weight.Axes[0]);
        c.Mark(weight.Axes[0], SlotRole.Input);
        c.Mark(weight.Axes[1], SlotRole.Output);
        if (c.Has(2))
        {
            c.Couple(weight.Axes[1], c.Input(2).Axes[0]);
        }

        if (Heads(c, slots[..sizes[0]], heads) is not { } query || Heads(c, slots[sizes[0]..(2 * sizes[0])], heads) is not { } key
            || Heads(c, slots[(2 * sizes[0])..], heads) is not { } value)
        {
            c.GiveUp(NotApart);
            return;
        }

        if (c.Node.GetInt("do_rotary", 0) != 0)
        {
            KeepSize(c, query, key);
        }

        CoupleBias(c, 5, query);
        Couple(c, query, key, value);
    }

    /// <summary>
    /// GroupQueryAttention of ONNX Runtime: a head of keys and values goes with all heads of queries that it serves. The size of heads
    /// stays, since the operator takes multiples of 8 or 16 alone.
    /// </summary>
    public static void Grouped(NodeContext c)
    {
        var (heads, kept) = ((int)c.Node.GetInt("num_heads", 1), (int)c.Node.GetInt("kv_num_heads", 1));
        if (HasStates(c, 3, 1, except: [5, 6, 7, 8, 9]) || c.Has(1) != c.Has(2) || c.DimsOf(0).Length != 3)
        {
            c.GiveUp(NotFollowed);
            return;
        }

        var all = SlotsOf(c, 0);
        var size = c.DimsOf(0)[2] / (c.Has(1) ? heads : heads + (2 * kept));
        var (first, second) = (heads * size, (heads + kept) * size);
        if (Heads(c, c.Has(1) ? all : all?[..first], kept, heads / kept) is not { } query
            || Heads(c, c.Has(1) ? SlotsOf(c, 1) : all?[first..second], kept) is not { } key
            || Heads(c, c.Has(1) ? SlotsOf(c, 2) : all?[second..], kept) is not { } value)
        {
            c.GiveUp(NotApart);
            return;
        }

        KeepSize(c, query, key, value);
        Couple(c, query, key, value);
    }

    /// <summary>The standard operator, with heads as an axis (4-D) or inside of the last one (3-D).</summary>
    public static void Standard(NodeContext c)
    {
        if (HasStates(c, 4, 1))
        {
            c.GiveUp(NotFollowed);
            return;
        }

        if (c.DimsOf(0).Length == 4)
        {
            WithHeads(c);
            return;
        }

        var (heads, kept) = ((int)c.Node.GetInt("q_num_heads", 1), (int)c.Node.GetInt("kv_num_heads", 1));
        if (Heads(c, SlotsOf(c, 0), kept, heads / kept) is not { } query || Heads(c, SlotsOf(c, 1), kept) is not { } key || Heads(c, SlotsOf(c, 2), kept) is not { } value)
        {
            c.GiveUp(NotApart);
            return;
        }

        CoupleBias(c, 3, query);
        Couple(c, query, key, value);
    }

    /// <summary>Two matrix products, as exporters write them without the operator.</summary>
    private static void WithHeads(NodeContext c)
    {
        Layout query = c.Input(0), key = c.Input(1), value = c.Input(2);
        var times = c.DimsOf(0)[1] / c.DimsOf(1)[1];
        if (times > 1)
        {
            (key, value) = (key.With(1, [.. key.Axes[1], Factor.Fixed(times)]), value.With(1, [.. value.Axes[1], Factor.Fixed(times)]));
        }

        Layout[] all = [query, key, value];
        Array.ForEach(all, layout => Products.MarkHeads(layout, 4));
        (query, key) = Elementwise.Coupled(c, query, key, Longer(query, key, [0, 1, 3]));
        Products.MarkHeads(query, 4);
        (query, value) = Elementwise.Coupled(c, query, value, Longer(query, value, [0, 1]));
        Products.MarkHeads(query, 4);
        if (c.Has(3) && c.DimsOf(3) is { Length: > 2 } dims && dims[^3] > 1)
        {
            c.Couple(query.Axes[1], c.Input(3).Axes[^3]);
        }

        c.Output(new Layout([value.Axes[0], value.Axes[1], query.Axes[2], value.Axes[3]]));
    }

    private static int[] Longer(Layout first, Layout second, int[] axes) =>
        [.. axes.Where(axis => first.Axes[axis].Length > 0 && second.Axes[axis].Length > 0)];

    private static bool HasStates(NodeContext c, int input, int output, params int[] except) =>
        Enumerable.Range(input, Math.Max(0, c.Node.Inputs.Count - input)).Any(index => !except.Contains(index) && c.Has(index))
        || Enumerable.Range(output, Math.Max(0, c.Node.Outputs.Count - output)).Any(index => c.Node.Output(index) is not null);

    private static int[]? SlotsOf(NodeContext c, int input) => Layout.SlotsOf(c.Input(input).Axes[^1]);

    /// <summary>Slots as heads, or as heads that others serve, by how many.</summary>
    private static Grid? Heads(NodeContext c, int[]? slots, int heads, int times = 1)
    {
        if (slots is null || !Array.TrueForAll(slots, slot => slot >= 0) || heads < 1 || slots.Length % (heads * times) != 0 || slots.Length == heads * times)
        {
            return null;
        }

        var size = slots.Length / (heads * times);
        var grid = c.Grids.Get(slots, times > 1 ? [heads, times, size] : [heads, size]);
        grid.IsHard = true;
        grid.HeadDims = (1 << (grid.Rank - 1)) - 1;
        c.Coupling.MarkAttention([[Factor.Of(grid)]]);
        return grid;
    }

    private static void KeepSize(NodeContext c, params Grid[] grids)
    {
        foreach (var grid in grids)
        {
            c.Coupling.FreezeLength([Factor.Of(grid, grid.Rank - 1)], $"{c.Where} takes heads of certain sizes only");
        }
    }

    /// <summary>What is added to the scores: for all heads, or for each.</summary>
    private static void CoupleBias(NodeContext c, int input, Grid query)
    {
        if (c.Has(input) && c.DimsOf(input) is { Length: > 2 } dims && dims[^3] > 1)
        {
            c.Couple([.. Enumerable.Range(0, query.Rank - 1).Select(dim => Factor.Of(query, dim))], c.Input(input).Axes[^3]);
        }
    }

    private static void Couple(NodeContext c, Grid query, Grid key, Grid value)
    {
        c.Coupling.Attentions[c.Node] = (query, key, value);
        if (query.Rank == 2)
        {
            c.Coupling.Couple([[Factor.Of(query, 0)], [Factor.Of(query, 1)]], [[Factor.Of(key, 0)], [Factor.Of(key, 1)]], c.Where);
        }
        else
        {
            c.Coupling.FreezeLength([Factor.Of(query, 1)], $"{c.Where} has as many heads of queries for each head of keys");
            c.Coupling.Couple([[Factor.Of(query, 0)], [Factor.Of(query, 2)]], [[Factor.Of(key, 0)], [Factor.Of(key, 1)]], c.Where);
        }

        c.Coupling.Couple([[Factor.Of(query, 0)]], [[Factor.Of(value, 0)]], c.Where);
        Factor[] made = query.Rank == 2 ? [Factor.Of(c.Grids.Plain(value.Slots))] : [Factor.Of(value, 0), Factor.Fixed(query.Shape[1]), Factor.Of(value, 1)];
        c.Output(new Layout([.. c.Input(0).Axes[..2], made]));
    }
}
