using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Optimization;

/// <summary>The optimizers as PyTorch's documentation writes them, one weight at a time in double precision.</summary>
internal sealed class Reference(OptimizerOptions options, ParameterSet parameters)
{
    private readonly double[] _first = new double[parameters.Layout.Count];
    private readonly double[] _second = new double[parameters.Layout.Count];
    private readonly bool[] _decays = [.. parameters.Layout.Slots.SelectMany(slot => Enumerable.Repeat(options.DecayVectors || slot.Dims.Count > 1, (int)slot.Count))];
    private int _step;

    public double[] Weights { get; } = [.. Toy.Flat(parameters.Values).Select(x => (double)x)];

    public double[] Average { get; } = [.. Toy.Flat(parameters.Values).Select(x => (double)x)];

    public double AverageDecay { get; init; }

    public bool WarmUp { get; init; } = true;

    /// <summary>Makes a step and returns how far the weights moved in the mean.</summary>
    public double Step(float[] gradients, double rate, double scale) => Step(Array.ConvertAll(gradients, x => (double)x), rate, scale);

    /// <summary>Makes a step and returns how far the weights moved in the mean.</summary>
    public double Step(double[] gradients, double rate, double scale)
    {
        _step++;
        double moved = 0;
        for (var i = 0; i < Weights.Length; i++)
        {
            var before = Weights[i];
            var gradient = gradients[i] * scale;
            var decay = _decays[i] ? options.WeightDecay : 0;
            Weights[i] = options switch
            {
                SgdOptions sgd => Sgd(sgd, i, gradient, decay, rate),
                AdamWOptions adam => Adam(adam, i, gradient, before - (rate * decay * before), rate),
                AdamOptions adam => Adam(adam, i, gradient + (decay * before), before, rate),
                _ => throw new InvalidOperationException(),
            };
            moved += Math.Abs(Weights[i] - before) / Weights.Length;
            var averageDecay = WarmUp ? Math.Min(AverageDecay, (1.0 + _step) / (10.0 + _step)) : AverageDecay;
            Average[i] = (averageDecay * Average[i]) + ((1 - averageDecay) * Weights[i]);
        }

        return moved;
    }

    private double Sgd(SgdOptions sgd, int i, double gradient, double decay, double rate)
    {
        gradient += decay * Weights[i];
        if (sgd.Momentum != 0)
        {
            _first[i] = _step == 1 ? gradient : (sgd.Momentum * _first[i]) + gradient;
            gradient = sgd.Nesterov ? gradient + (sgd.Momentum * _first[i]) : _first[i];
        }

        return Weights[i] - (rate * gradient);
    }

    private double Adam(AdamOptions adam, int i, double gradient, double weight, double rate)
    {
        _first[i] = (adam.Beta1 * _first[i]) + ((1 - adam.Beta1) * gradient);
        _second[i] = (adam.Beta2 * _second[i]) + ((1 - adam.Beta2) * gradient * gradient);
        var mean = _first[i] / (1 - Math.Pow(adam.Beta1, _step));
        var square = _second[i] / (1 - Math.Pow(adam.Beta2, _step));
        return weight - (rate * mean / (Math.Sqrt(square) + adam.Epsilon));
    }
}
