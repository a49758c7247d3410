using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>
/// Swin transformer (Liu et al. 2021), as in its own code: attention inside of windows, which every second block shifts; four places
/// become one between the stages.
/// </summary>
public static class SwinTransformer
{
    private const long Width = 24;
    private const long Heads = 3;
    private const long Window = 4;

    /// <summary>Builds it for images [batch, 3, 32, 32].</summary>
    /// <param name="isDynamic">Whether the batch is open.</param>
    /// <param name="opset">Version of the operators; before 17 layer normalisation is decomposed.</param>
    public static Model Build(bool isDynamic = false, int opset = 17)
    {
        var graph = new ExporterGraph(isDynamic, opset);
        var m = graph.Root;
        var x = m["patch_embed"].PatchEmbed(graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32), Width, 4);
        x = m["patch_embed"]["norm"].LayerNorm(x);
        x = Block(m["layers", 0]["blocks", 0], x, 8, Heads, 0);
        x = Block(m["layers", 0]["blocks", 1], x, 8, Heads, Window / 2);
        x = MergePatches(m["layers", 0]["downsample"], x, 8);
        x = Block(m["layers", 1]["blocks", 0], x, 4, 2 * Heads, 0);
        x = m.Transpose(m["norm"].LayerNorm(x), 0, 2, 1);
        x = m.Flatten(m["avgpool"].GlobalAveragePool(x));
        return graph.Finish(("output", m["head"].Linear(x, 10)));
    }

    private static Value Block(Module m, Value x, long side, long heads, long shift)
    {
        var width = x.Shape![2].Value!.Value;
        var batch = m.Size(x, 0);
        var h = m.Reshape(m["norm1"].LayerNorm(x), batch, side, side, width);
        h = shift > 0 ? Roll(m, Roll(m, h, 1, shift), 2, shift) : h;

        // Windows beside each other become samples, and samples windows again.
        h = m.Transpose(m.Reshape(h, m.Size(h, 0), side / Window, Window, side / Window, Window, width), 0, 1, 3, 2, 4, 5);
        h = m.Reshape(m.Reshape(h, -1, Window, Window, width), -1, Window * Window, width);
        h = m.Reshape(Attention(m["attn"], h, heads, shift > 0 ? Mask(side, shift) : null), -1, Window, Window, width);
        var samples = m.Divide(m.Size(h, 0), side / Window * (side / Window));
        h = m.Transpose(m.Reshape(h, samples, side / Window, side / Window, Window, Window, width), 0, 1, 3, 2, 4, 5);
        h = m.Reshape(h, samples, side, side, width);
        h = shift > 0 ? Roll(m, Roll(m, h, 1, -shift), 2, -shift) : h;
        x = m.Add(x, m.Reshape(h, batch, side * side, width));
        return m.Add(x, m["mlp"].Mlp(m["norm2"].LayerNorm(x)));
    }

    private static Value Attention(Module m, Value x, long heads, Tensor? mask)
    {
        var width = x.Shape![2].Value!.Value;
        var sizes = m.Shape(x);
        var qkv = m.Reshape(m["qkv"].Linear(x, 3 * width), sizes[0], sizes[1], 3, heads, m.Divide(sizes[2], heads));
        qkv = m.Transpose(qkv, 2, 0, 3, 1, 4);
        var q = m.Mul(m.Select(qkv, 0, 0), 1 / Math.Sqrt(width / heads));
        var scores = m.MatMul(q, m.Transpose(m.Select(qkv, 0, 1), 0, 1, 3, 2));

        // Rows of a table of relative positions; both are constant, so folding leaves the numbers to add.
        scores = m.Add(scores, m.Folded("Add", "relative_position_bias_table", name => RelativePositions(name, heads)));
        if (mask is not null)
        {
            var windows = mask.Dims[1];
            scores = m.Add(m.Reshape(scores, m.Divide(sizes[0], windows), windows, heads, sizes[1], sizes[1]), m.Constant(mask));
            scores = m.Reshape(scores, -1, heads, sizes[1], sizes[1]);
        }

        var y = m.MatMul(m.Softmax(scores), m.Select(qkv, 0, 2));
        return m["proj"].Linear(m.Reshape(m.Transpose(y, 0, 2, 1, 3), sizes), width);
    }

    /// <summary>[1, heads, places, places] of a table [(2 * window - 1)^2, heads].</summary>
    private static Tensor RelativePositions(string name, long heads)
    {
        const long Span = (2 * Window) - 1;
        const long Places = Window * Window;
        var table = RandomTensors.Normal(name, 0, 0.5, Span * Span, heads).ToFloats();
        var numbers = new float[heads * Places * Places];
        for (var index = 0; index < numbers.Length; index++)
        {
            var (head, from, to) = (index / (Places * Places), index / Places % Places, index % Places);
            var (rows, columns) = ((from / Window) - (to / Window) + Window - 1, (from % Window) - (to % Window) + Window - 1);
            numbers[index] = table[(((rows * Span) + columns) * heads) + head];
        }

        return Tensor.Floats([1, heads, Places, Places], numbers);
    }

    /// <summary>
    /// [1, windows, 1, places, places]: -100 between places of a shifted window that were not neighbours before the shift.
    /// </summary>
    private static Tensor Mask(long side, long shift)
    {
        const long Places = Window * Window;
        var across = side / Window;
        var numbers = new float[across * across * Places * Places];
        for (var index = 0; index < numbers.Length; index++)
        {
            var (window, from, to) = (index / (Places * Places), index / Places % Places, index % Places);
            numbers[index] = Region(window, from) == Region(window, to) ? 0 : -100;
        }

        return Tensor.Floats([1, across * across, 1, Places, Places], numbers);

        long Region(long window, long place) => (3 * Band((window / across * Window) + (place / Window))) + Band((window % across * Window) + (place % Window));
        long Band(long line) => line < side - Window ? 0 : line < side - shift ? 1 : 2;
    }

    /// <summary>torch.roll(x, -shift, axis).</summary>
    private static Value Roll(Module m, Value x, int axis, long shift) => m.Concat(axis, m.Slice(x, axis, shift, long.MaxValue), m.Slice(x, axis, 0, shift));

    /// <summary>PatchMerging: the four places of a square behind each other in the channels, and a linear map of them.</summary>
    private static Value MergePatches(Module m, Value x, long side)
    {
        var width = x.Shape![2].Value!.Value;
        var batch = m.Size(x, 0);
        x = m.Reshape(x, batch, side, side, width);
        Value[] quarters = [.. new[] { (0, 0), (1, 0), (0, 1), (1, 1) }.Select(start => EverySecond(m, EverySecond(m, x, 1, start.Item1), 2, start.Item2))];
        x = m.Reshape(m.Concat(-1, quarters), batch, -1, 4 * width);
        return m["reduction"].Linear(m["norm"].LayerNorm(x), 2 * width, bias: false);
    }

    private static Value EverySecond(Module m, Value x, long axis, long start) => m.Node("Slice",
        [x, m.Constant(Tensor.Int64s(start)), m.Constant(Tensor.Int64s(long.MaxValue)), m.Constant(Tensor.Int64s(axis)), m.Constant(Tensor.Int64s(2))]);
}
