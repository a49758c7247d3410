using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Where the channels of a value are in another one that it is computed from: some of its axes, and which channel each place along them
/// belongs to.
/// </summary>
/// <param name="Axes">The axes, ascending; not counted from the end.</param>
/// <param name="Dims">Their lengths.</param>
/// <param name="Channels">The channel of each place, the last axis running fastest; -1 where there is none.</param>
internal sealed record ChannelMap(int[] Axes, int[] Dims, int[] Channels)
{
    /// <summary>Channels that lie along one axis.</summary>
    public static ChannelMap Along(int axis, int channels) => new([axis], [channels], [.. Enumerable.Range(0, channels)]);

    /// <summary>The same when axes are put in front (positive) or taken away there (negative); null when one that is needed is.</summary>
    public ChannelMap? Shift(int axes) => Axes[0] + axes < 0 ? null : this with { Axes = Array.ConvertAll(Axes, axis => axis + axes) };

    /// <summary>In front of a Transpose.</summary>
    /// <param name="permutation">Its permutation.</param>
    public ChannelMap BeforeTranspose(IReadOnlyList<long> permutation)
    {
        int[] axes = [.. Axes.Select(axis => (int)permutation[axis])];
        int[] order = [.. Enumerable.Range(0, axes.Length).OrderBy(index => axes[index])];
        var strides = Strides(Dims);
        int[] dims = [.. order.Select(index => Dims[index])];
        var channels = new int[Channels.Length];
        for (var place = 0; place < channels.Length; place++)
        {
            var (rest, source) = (place, 0);
            for (var axis = dims.Length - 1; axis >= 0; axis--)
            {
                source += rest % dims[axis] * strides[order[axis]];
                rest /= dims[axis];
            }

            channels[place] = Channels[source];
        }

        return new ChannelMap([.. order.Select(index => axes[index])], dims, channels);
    }

    /// <summary>In front of a node that takes a part of an axis.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="first">Where the part starts.</param>
    /// <param name="count">How long it is.</param>
    /// <param name="length">How long the axis is.</param>
    public ChannelMap BeforePart(int axis, int first, int count, int length)
    {
        var map = Axes.Contains(axis) ? this : Insert(axis, count);
        var number = Array.IndexOf(map.Axes, axis);

        // [outer, axis, inner]
        var inner = map.Dims.Skip(number + 1).Aggregate(1, (product, dim) => product * dim);
        var channels = new int[checked(map.Channels.Length / count * length)];
        Array.Fill(channels, -1);
        for (var outer = 0; outer < map.Channels.Length / (count * inner); outer++)
        {
            Array.Copy(map.Channels, outer * count * inner, channels, ((outer * length) + first) * inner, count * inner);
        }

        int[] dims = [.. map.Dims];
        dims[number] = length;
        return new ChannelMap(map.Axes, dims, channels);
    }

    /// <summary>In front of a node that takes places of an axis and puts axes in its place.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="added">How many axes there are instead; 0 where it takes one place.</param>
    /// <returns>All places of the axis; null when channels lie along the axes that are put there.</returns>
    public ChannelMap? BeforeGather(int axis, int added) => Array.Exists(Axes, old => old >= axis && old < axis + added) ? null
        : this with { Axes = Array.ConvertAll(Axes, old => old < axis ? old : old + 1 - added) };

    /// <summary>The same with one more axis, along which all places have the same channels.</summary>
    private ChannelMap Insert(int axis, int length)
    {
        var number = Axes.Count(other => other < axis);
        var inner = Dims.Skip(number).Aggregate(1, (product, dim) => product * dim);
        var channels = new int[checked(Channels.Length * length)];
        for (var place = 0; place < channels.Length; place++)
        {
            channels[place] = Channels[(place / (inner * length) * inner) + (place % inner)];
        }

        return new ChannelMap([.. Axes[..number], axis, .. Axes[number..]], [.. Dims[..number], length, .. Dims[number..]], channels);
    }

    /// <summary>In front of a node that gives the same elements another shape; null when axes of unknown length are in the way.</summary>
    /// <param name="from">The shape before.</param>
    /// <param name="to">The shape behind.</param>
    public ChannelMap? BeforeReshape(Shape from, Shape to)
    {
        var (axes, dims) = (new List<int>(), new List<int>());
        var (channels, covered) = (Channels, Axes.Length);
        var (before, after) = (from.Count, to.Count);

        // Groups of axes that hold the same elements, from the last on, until all axes with channels are found.
        while (covered > 0)
        {
            var (firstBefore, firstAfter) = (before - 1, after - 1);
            if (firstBefore >= 0 && from[firstBefore].Value == 1 && (firstAfter < 0 || to[firstAfter].Value != 1))
            {
                before--;
                continue;
            }

            if (firstAfter >= 0 && to[firstAfter].Value == 1 && !Axes.Contains(firstAfter) && (firstBefore < 0 || from[firstBefore].Value != 1))
            {
                after--;
                continue;
            }

            if (firstBefore < 0 || firstAfter < 0)
            {
                return null;
            }

            if (!IsSame(from[firstBefore], to[firstAfter]) && !Extend(from, to, ref firstBefore, ref firstAfter))
            {
                return null;
            }

            var inside = Axes.Take(covered).Count(axis => axis >= firstAfter);
            if (inside > 0)
            {
                // All axes of the group take part: those without channels repeat them.
                if (Whole(to, firstAfter, after) is not { } lengths || Whole(from, firstBefore, before) is not { } old)
                {
                    return null;
                }

                channels = Repeat(channels, Dims, covered, inside, firstAfter, lengths, dims);
                axes.InsertRange(0, Enumerable.Range(firstBefore, before - firstBefore));
                dims.InsertRange(0, old);
                covered -= inside;
            }

            (before, after) = (firstBefore, firstAfter);
        }

        return new ChannelMap([.. axes], [.. dims], channels).Simplify();
    }

    /// <summary>Without axes along which all places have the same channels, as long as others are left.</summary>
    private ChannelMap Simplify()
    {
        for (var number = 0; number < Axes.Length && Axes.Length > 1; number++)
        {
            var inner = Dims.Skip(number + 1).Aggregate(1, (product, dim) => product * dim);
            var length = Dims[number];
            if (Enumerable.Range(0, Channels.Length).All(place => Channels[place] == Channels[place - (place / inner % length * inner)]))
            {
                int[] channels = [.. Channels.Where((_, place) => place / inner % length == 0)];
                return new ChannelMap([.. Axes[..number], .. Axes[(number + 1)..]], [.. Dims[..number], .. Dims[(number + 1)..]], channels).Simplify();
            }
        }

        return this;
    }

    private static bool IsSame(Dim one, Dim other) => one.Value is { } value ? other.Value == value : one.Symbol is { } symbol && other.Symbol == symbol;

    private static bool Extend(Shape from, Shape to, ref int before, ref int after)
    {
        if (from[before].Value is not { } one || to[after].Value is not { } other)
        {
            return false;
        }

        while (one != other)
        {
            var index = one < other ? --before : --after;
            if (index < 0 || (one < other ? from : to)[index].Value is not { } next || next == 0)
            {
                return false;
            }

            (one, other) = one < other ? (one * next, other) : (one, other * next);
        }

        return true;
    }

    private static int[]? Whole(Shape shape, int first, int end)
    {
        int[] result = [.. Enumerable.Range(first, end - first).Select(axis => (int)(shape[axis].Value ?? -1))];
        return result.Contains(-1) ? null : result;
    }

    /// <summary>Puts axes without channels among the last <paramref name="inside"/> ones that are not yet replaced.</summary>
    private int[] Repeat(int[] channels, int[] dims, int covered, int inside, int first, int[] lengths, List<int> done)
    {
        var tail = done.Aggregate(1, (product, dim) => product * dim);
        var head = dims.Take(covered - inside).Aggregate(1, (product, dim) => product * dim);
        var old = dims.Skip(covered - inside).Take(inside).Aggregate(1, (product, dim) => product * dim);
        var group = lengths.Aggregate(1, (product, dim) => product * dim);
        var result = new int[checked(head * group * tail)];
        for (var place = 0; place < group; place++)
        {
            // The place among the axes with channels alone.
            var (rest, source, step) = (place, 0, 1);
            for (var axis = lengths.Length - 1; axis >= 0; axis--)
            {
                if (Array.IndexOf(Axes, first + axis) is >= 0 and var number)
                {
                    source += rest % lengths[axis] * step;
                    step *= dims[number];
                }

                rest /= lengths[axis];
            }

            for (var outer = 0; outer < head; outer++)
            {
                Array.Copy(channels, ((outer * old) + source) * tail, result, ((outer * group) + place) * tail, tail);
            }
        }

        return result;
    }

    private static int[] Strides(int[] dims)
    {
        var strides = new int[dims.Length];
        for (var (axis, stride) = (dims.Length - 1, 1); axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= dims[axis];
        }

        return strides;
    }
}
