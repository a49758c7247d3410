namespace CompressTool.Onnx.Inference.Rules;

/// <summary>LSTM, GRU and RNN.</summary>
internal static class Recurrent
{
    /// <summary>Outputs: all hidden states, the last one, and for LSTM the last cell state.</summary>
    public static void Run(NodeContext c)
    {
        var x = c.Dims(0, 3);
        var directions = c.Text("direction", "forward") == "bidirectional" ? 2 : 1;
        var hidden = c.Int("hidden_size", 0) is > 0 and var given ? given : c.Dims(2, 3)?[2];
        var batchFirst = c.Int("layout", 0) != 0;
        Expression[]? all = null, last = null;
        if (x is not null && hidden is not null)
        {
            all = batchFirst ? [x[0], x[1], directions, hidden] : [x[0], directions, x[1], hidden];
            last = batchFirst ? [x[0], directions, hidden] : [directions, x[1], hidden];
        }

        if (x is not null && c.Dims(1, 3) is { } weight && Expression.Differ(weight[2], x[2]))
        {
            throw c.Mismatch($"its input {NodeContext.Show(x)} does not fit its weight {NodeContext.Show(weight)}");
        }

        c.Set(0, c.Type(0), all);
        c.Set(1, c.Type(0), last);
        c.Set(2, c.Type(0), last);
    }
}
