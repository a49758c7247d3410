using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>Rotary position embeddings: pairs of numbers are rotated by an angle that grows with the position (Su et al. 2021).</summary>
internal static class RotaryForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["RotaryEmbedding"] = n => [Standard(n)],
        ["com.microsoft:RotaryEmbedding"] = n => [Microsoft(n)],
    };

    /// <summary>Inputs: x with heads as an axis or inside the last one, cosines and sines by position, positions.</summary>
    private static Expr Standard(OperatorContext n)
    {
        var x = n[0];
        var size = x.Rank == 4 ? x.Dims[3] : x.Dims[2] / n.Int("num_heads", 1);
        return Rotate(n, size, n[1], n[2], n.Optional(3));
    }

    /// <summary>Inputs: x, positions, or the first of them, cosines and sines by position.</summary>
    private static Expr Microsoft(OperatorContext n)
    {
        if (n.Int("is_packed_batching", 0) != 0)
        {
            throw n.Unsupported("is_packed_batching is set");
        }

        var (x, positions) = (n[0], n[1]);
        var size = x.Rank == 4 ? x.Dims[3] : n.Int("num_heads", 0) is > 0 and var heads ? x.Dims[2] / heads : n[2].Dims[1] * 2;
        if (positions.Rank == 1)
        {
            var (batch, length) = (x.Dims[0], x.Rank == 4 ? x.Dims[2] : x.Dims[1]);
            positions = (positions + n.Builder.Int64s([.. Enumerable.Range(0, checked((int)length)).Select(index => (long)index)])).Reshape(1, length).Expand(batch, length);
        }

        return Rotate(n, size, n[2], n[3], positions);
    }

    private static Expr Rotate(OperatorContext n, long size, Expr cosines, Expr sines, Expr? positions)
    {
        // As [B,S,heads,size], over which the tables [B,S,1,pairs] broadcast.
        var x = n[0];
        var dims = x.Dims;
        var split = dims.Length == 4 ? x.Transpose(0, 2, 1, 3) : x.Reshape(dims[0], dims[1], dims[2] / size, size);
        var rotated = n.Int("rotary_embedding_dim", 0) is > 0 and var part ? part : size;
        var pairs = rotated / 2;
        Expr Table(Expr table) => (positions is null ? table : n.Builder.Node("Gather", [table, positions], Attribute.Int("axis", 0))).Slice(2, 0, pairs).Unsqueeze(2);
        var result = Turn(split, Table(cosines), Table(sines), rotated, n.Int("interleaved", 0) != 0);
        return dims.Length == 4 ? result.Transpose(0, 2, 1, 3) : result.Reshape(dims);
    }

    /// <summary>The first numbers of each head turned by pairs.</summary>
    /// <param name="split">[B,S,heads,size].</param>
    /// <param name="cos">Cosines, which broadcast to [B,S,heads,pairs].</param>
    /// <param name="sin">Sines likewise.</param>
    /// <param name="rotated">How many numbers are turned.</param>
    /// <param name="isInterleaved">Whether a pair lies side by side; otherwise in two halves.</param>
    internal static Expr Turn(Expr split, Expr cos, Expr sin, long rotated, bool isInterleaved)
    {
        var (builder, size, pairs) = (split.Builder, split.Dims[3], rotated / 2);
        var head = split.Slice(3, 0, rotated);
        long[] half = [split.Dims[0], split.Dims[1], split.Dims[2], pairs];
        var (first, second) = isInterleaved
            ? (head.Slice(3, 0, rotated, 2).Reshape(half), head.Slice(3, 1, rotated, 2).Reshape(half))
            : (head.Slice(3, 0, pairs), head.Slice(3, pairs, rotated));
        var (real, imaginary) = ((cos * first) - (sin * second), (sin * first) + (cos * second));
        var result = isInterleaved
            ? builder.Concat(4, real.Unsqueeze(4), imaginary.Unsqueeze(4)).Reshape([.. half[..3], rotated])
            : builder.Concat(3, real, imaginary);
        return rotated == size ? result : builder.Concat(3, result, split.Slice(3, rotated, size));
    }
}
