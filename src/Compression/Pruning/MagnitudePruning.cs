using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning;

/// <summary>
/// Zeroes the weights of smallest magnitude (Han et al. 2015; the exact-count form): per layer, or over all layers at once.
/// Finding the thresholds reads the weights; the zeros are made while the model is saved.
/// </summary>
/// <param name="sparsity">Share of the weights that become zero, rounded to a whole number of weights, half to even.</param>
/// <param name="report">Takes the results.</param>
/// <param name="context">The stage's context.</param>
internal sealed class MagnitudePruning(Fraction sparsity, PruneReport report, StageContext context)
{
    /// <summary>Prunes every layer by the same share. Each weight is mapped once and, while saving, read once.</summary>
    public void RunLocal(IReadOnlyList<Layer> layers)
    {
        var half = new Lazy<MagnitudeSelection<short>>(() => new([15], context.CancellationToken));
        var single = new Lazy<MagnitudeSelection<int>>(() => new([16, 15], context.CancellationToken));
        var @double = new Lazy<MagnitudeSelection<long>>(() => new([16, 16, 16, 15], context.CancellationToken));
        foreach (var (index, layer) in layers.Index())
        {
            context.Report(index / (double)layers.Count, layer.Name);
            var k = Share(layer.Tensor.Count);
            if (k == 0)
            {
                report.Skip(layer, $"{sparsity} of its {layer.Tensor.Count} weights is less than one");
                continue;
            }

            using var view = layer.Tensor.Data.View();
            var source = new SelectionSource(layer, (offset, bytes) => view.Slice(offset, bytes.Length).CopyTo(bytes));
            var threshold = layer.Tensor.Type switch
            {
                DataType.Float => single.Value.Run([source], k, Ignore),
                DataType.Double => @double.Value.Run([source], k, Ignore),
                _ => half.Value.Run([source], k, Ignore),
            };
            if (source.Below + source.Ties <= source.Zeros)
            {
                report.Skip(layer, $"{new Fraction(source.Zeros / (double)layer.Tensor.Count)} of its weights are zero already");
                continue;
            }

            Prune(source, threshold);
        }
    }

    /// <summary>Prunes all layers by one threshold. Each weight is read once per level of the selection (float32: 2) and once while saving.</summary>
    public void RunGlobal(IReadOnlyList<Layer> layers)
    {
        var sources = layers.Select(layer => new SelectionSource(layer, layer.Tensor.Data.Read)).ToList();
        var k = Share(sources.Sum(source => source.Tensor.Count));
        if (k == 0)
        {
            return;
        }

        // The last level is narrow because its histogram is kept per layer. Mixed types are compared by the keys of the widest.
        var types = layers.Select(layer => layer.Tensor.Type).Distinct().ToList();
        if (types.Contains(DataType.Double))
        {
            PruneAll(sources, new MagnitudeSelection<long>([20, 16, 16, 11], context.CancellationToken).Run(sources, k, context.Report));
        }
        else if (types.Count > 1 || types[0] == DataType.Float)
        {
            PruneAll(sources, new MagnitudeSelection<int>([20, 11], context.CancellationToken).Run(sources, k, context.Report));
        }
        else
        {
            PruneAll(sources, new MagnitudeSelection<short>([4, 11], context.CancellationToken).Run(sources, k, context.Report));
        }
    }

    private static void Ignore(double fraction, string activity)
    {
    }

    private long Share(long count) => (long)Math.Round(sparsity.Value * count, MidpointRounding.ToEven);

    private void PruneAll<TKey>(IReadOnlyList<SelectionSource> sources, TKey threshold)
        where TKey : unmanaged, IBinaryInteger<TKey>
    {
        foreach (var source in sources)
        {
            Prune(source, Magnitude.Narrow(source.Tensor.Type, threshold));
        }
    }

    /// <summary>Sets the weights below a magnitude to zero, given as the weight's own key, and those equal to it before the end of the ties.</summary>
    private void Prune(SelectionSource source, long limit)
    {
        var (layer, data) = (source.Layer, source.Tensor.Data);
        var after = Math.Max(source.Zeros, source.Below + source.Ties);
        if (after > source.Zeros)
        {
            layer.Replace(source.Tensor.Type switch
            {
                DataType.Float => Masked(data, (int)limit, source.TieEnd),
                DataType.Double => Masked(data, limit, source.TieEnd),
                _ => Masked(data, (short)limit, source.TieEnd),
            });
        }

        report.Add(layer, source.Zeros, after);
    }

    private static MaskedData Masked<TBits>(TensorData source, TBits limit, long tieEnd)
        where TBits : unmanaged, IBinaryInteger<TBits>, IMinMaxValue<TBits> =>
        new(source, Unsafe.SizeOf<TBits>(), (offset, bytes) =>
        {
            var bits = MemoryMarshal.Cast<byte, TBits>(bytes);
            var first = offset / Unsafe.SizeOf<TBits>();
            var split = (int)Math.Clamp(tieEnd - first, 0, bits.Length);
            Magnitude.ZeroBelow(bits[..split], limit + TBits.One);
            Magnitude.ZeroBelow(bits[split..], limit);
        });
}
