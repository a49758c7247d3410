using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Samplers;

/// <summary>How <see cref="UniPcSampler"/> steps.</summary>
/// <param name="Order">The order of the predictor, from 1 to 3.</param>
/// <param name="OfData">Whether it extrapolates clean samples instead of noise.</param>
/// <param name="ExpB">Whether B(h) of the paper is e^h - 1 (<c>bh2</c>) instead of h (<c>bh1</c>).</param>
/// <param name="LowerOrderFinal">Whether the last steps are of lower order.</param>
internal sealed record UniPcOptions(int Order = 2, bool OfData = true, bool ExpB = true, bool LowerOrderFinal = true)
{
    /// <summary>Steps after which the corrector does not run.</summary>
    public IReadOnlyCollection<int> Uncorrected { get; init; } = [];
}

/// <summary>UniPC, a multistep predictor whose every sample is corrected as soon as the model's output for it is known (Zhao et al. 2023).</summary>
/// <param name="trajectory">Timesteps and noise levels.</param>
/// <param name="flow">Whether levels are shares of noise.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
/// <param name="options">How it steps.</param>
internal sealed class UniPcSampler(Trajectory trajectory, bool flow, CleanEstimate estimate, UniPcOptions options) : LogSnrSampler(trajectory, flow)
{
    private readonly History _estimates = new(options.Order);
    private float[] _newest = [], _start = [];
    private int _lastOrder;

    private protected override void Reset(int length)
    {
        _estimates.Clear(length);
        (_newest, _start) = _start.Length == length ? (_newest, _start) : (new float[length], new float[length]);
        _lastOrder = 0;
    }

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        Estimate(estimate, options.OfData, step, output, sample, _newest);
        if (_lastOrder > 0 && !options.Uncorrected.Contains(step - 1))
        {
            Combine(step - 1, _lastOrder, corrector: true, _start, sample);
        }

        _newest.CopyTo(_estimates.Push().AsSpan());
        sample.CopyTo(_start);
        var most = options.LowerOrderFinal || Places[step + 1].Sigma == 0 ? Math.Min(options.Order, Timesteps.Count - step) : options.Order;
        _lastOrder = Math.Min(most, _estimates.Count);
        Combine(step, _lastOrder, corrector: false, _start, sample);
    }

    /// <summary>The end of a step by equation 3 of the paper (predictor) or equation 9 (corrector), which also knows the estimate at the end.</summary>
    private void Combine(int step, int order, bool corrector, ReadOnlySpan<float> start, Span<float> end)
    {
        var (s, t) = (Places[step], Places[step + 1]);
        var h = t.Lambda - s.Lambda;
        var (ofSample, scale, x) = options.OfData ? (t.Sigma / s.Sigma, t.Alpha, -h) : (t.Alpha / s.Alpha, t.Sigma, h);
        var growth = Math.Exp(x) - 1;
        var ofNewest = -scale * growth;
        Vectors.Scale((float)ofSample, start, end);
        if (h != 0)
        {
            var b = options.ExpB ? growth : x;
            double[] places = [.. Enumerable.Range(1, order - 1).Select(age => (Places[step - age].Lambda - s.Lambda) / h), 1];
            var weights = Weights(places, x, b, corrector);
            for (var i = 0; i < weights.Length; i++)
            {
                // The difference of two estimates, divided by their distance.
                var weight = -scale * b * weights[i] / places[i];
                Vectors.Add((float)weight, i < order - 1 ? _estimates[i + 1] : _newest, end);
                ofNewest -= weight;
            }
        }

        Vectors.Add((float)ofNewest, _estimates[0], end);
    }

    /// <summary>The weights of the differences: they make the method exact for polynomials (theorem 3.1), but for the lowest orders, where they are one half.</summary>
    private static double[] Weights(double[] places, double x, double b, bool corrector)
    {
        var count = corrector ? places.Length : places.Length - 1;
        if (count == 1)
        {
            return [0.5];
        }

        var (matrix, values) = (new double[count, count], new double[count]);
        var (phi, factorial) = (((Math.Exp(x) - 1) / x) - 1, 1.0);
        for (var row = 0; row < count; row++)
        {
            values[row] = phi * factorial / b;
            factorial *= row + 2;
            phi = (phi / x) - (1 / factorial);
            for (var column = 0; column < count; column++)
            {
                matrix[row, column] = Math.Pow(places[column], row);
            }
        }

        return LinearEquations.Solve(matrix, values);
    }
}
