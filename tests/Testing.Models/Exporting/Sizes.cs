using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>Sizes of tensors and what is made with them: reshaping, expanding, cutting.</summary>
internal static class Sizes
{
    /// <summary>x.shape[axis]: with an open batch always read in the graph, as tracing does; else a number.</summary>
    public static Extent Size(this Module m, Value x, int axis)
    {
        if (!m.Graph.IsDynamic)
        {
            return x.Shape![axis < 0 ? x.Shape.Count + axis : axis].Value!.Value;
        }

        return new Extent(m.Node("Gather", [m.Node("Shape", [x]), m.Constant(Tensor.Int64(axis))], Attribute.Int("axis", 0)));
    }

    /// <summary>The sizes of all axes.</summary>
    public static Extent[] Shape(this Module m, Value x) => [.. Enumerable.Range(0, x.Shape!.Count).Select(axis => m.Size(x, axis))];

    /// <summary>a // b.</summary>
    public static Extent Divide(this Module m, Extent a, long b)
    {
        if (a.Number is { } number)
        {
            return number / b;
        }

        // The exporter makes sure twice that it is an integer.
        var quotient = m.Node("Div", [a.Value, m.Constant(Tensor.Int64(b))]);
        return new Extent(m.Node("Cast", [m.Node("Cast", [quotient], Attribute.Int("to", (int)DataType.Int64))], Attribute.Int("to", (int)DataType.Int64)));
    }

    /// <summary>a * b.</summary>
    public static Extent Multiply(this Module m, Extent a, long b) =>
        a.Number is { } number ? number * b : new Extent(m.Node("Mul", [a.Value, m.Constant(Tensor.Int64(b))]));

    /// <summary>A list of sizes as a tensor: a constant when all are numbers, else put together.</summary>
    public static Value List(this Module m, params IReadOnlyList<Extent> sizes)
    {
        if (sizes.All(size => size.Number is not null))
        {
            return m.Constant(Tensor.Int64s([.. sizes.Select(size => size.Number!.Value)]));
        }

        Value[] parts = [.. sizes.Select(size => size.Number is { } number
            ? m.Constant(Tensor.Int64s(number))
            : m.Node("Unsqueeze", [size.Value, m.Graph.Constant("Unsqueeze", Tensor.Int64s(0))]))];
        return parts.Length == 1 ? parts[0] : m.Node("Concat", parts, Attribute.Int("axis", 0));
    }

    /// <summary>x.reshape(sizes).</summary>
    public static Value Reshape(this Module m, Value x, params IReadOnlyList<Extent> sizes) =>
        m.Node("Reshape", [x, m.List(sizes)], Attribute.Int("allowzero", 0));

    /// <summary>x.flatten(2) of [batch, channels, height, width].</summary>
    public static Value FlattenPlaces(this Module m, Value x)
    {
        if (!m.Graph.IsDynamic)
        {
            return m.Reshape(x, m.Size(x, 0), m.Size(x, 1), m.Size(x, 2).Number!.Value * m.Size(x, 3).Number!.Value);
        }

        var shape = m.Node("Shape", [x]);
        var axes = m.Constant(Tensor.Int64s(0));
        var kept = m.Node("Slice", [shape, m.Constant(Tensor.Int64s(0)), m.Constant(Tensor.Int64s(2)), axes]);
        var target = m.Node("Concat", [kept, m.Constant(Tensor.Int64s(-1))], Attribute.Int("axis", 0));
        return m.Node("Reshape", [x, target], Attribute.Int("allowzero", 0));
    }

    /// <summary>x.expand(sizes), where -1 keeps a size. The exporter finds those in the graph when a size is not a number.</summary>
    public static Value Expand(this Module m, Value x, params IReadOnlyList<Extent> sizes)
    {
        if (sizes.All(size => size.Number is not null))
        {
            return m.Node("Expand", [x, m.Constant(Tensor.Int64s([.. sizes.Select(size => size.Number == -1 ? 1 : size.Number!.Value)]))]);
        }

        var target = m.List(sizes);
        var ones = m.Node("ConstantOfShape", [m.Constant(Tensor.Int64s(sizes.Count))], Attribute.Tensor("value", Tensor.Int64s(1)));
        var keep = m.Node("Equal", [target, m.Node("Mul", [ones, m.Constant(Tensor.Int64(-1))])]);
        return m.Node("Expand", [x, m.Node("Where", [keep, ones, target])]);
    }

    /// <summary>x[start:end] along an axis.</summary>
    public static Value Slice(this Module m, Value x, int axis, Extent start, Extent end)
    {
        var axes = m.Constant(Tensor.Int64s(axis));
        return m.Node("Slice", [x, m.List(start), m.List(end), axes, m.Constant(Tensor.Int64s(1))]);
    }

    /// <summary>
    /// x.chunk(parts, axis). Of a known size it is a Split; with open sizes, cuts at computed places.
    /// </summary>
    public static Value[] Chunk(this Module m, Value x, int parts, int axis)
    {
        if (!m.Graph.IsDynamic)
        {
            return m.Split(x, axis, [.. Enumerable.Repeat(m.Size(x, axis).Number!.Value / parts, parts)]);
        }

        var axes = m.Constant(Tensor.Int64s(axis));
        var size = m.Node("Gather", [m.Node("Shape", [x]), axes], Attribute.Int("axis", 0));
        var start = m.Constant(Tensor.Int64s(0));
        var part = m.Node("Div", [m.Node("Add", [size, m.Constant(Tensor.Int64s(parts - 1))]), m.Constant(Tensor.Int64s(parts))]);
        var chunks = new Value[parts];
        for (var index = 0; index < parts; index++)
        {
            var end = m.Node("Mul", [part, m.Constant(Tensor.Int64s(index + 1))]);
            chunks[index] = m.Node("Slice", [x, start, end, axes]);
            start = end;
        }

        return chunks;
    }

    /// <summary>x.split(sizes, axis).</summary>
    public static Value[] Split(this Module m, Value x, int axis, params long[] sizes) =>
        m.Nodes("Split", sizes.Length, [x, m.Graph.Constant("Split", Tensor.Int64s(sizes))], Attribute.Int("axis", axis));
}
