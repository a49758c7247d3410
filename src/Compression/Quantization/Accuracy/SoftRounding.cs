using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// Weights on their way to one of the two codes around them: d = start + step h(V) is what the quantized weight differs from
/// the real one, with the rectified sigmoid h(V) = clamp(1.2 sigmoid(V) - 0.1, 0, 1). Rows are filled up to whole vectors.
/// </summary>
internal sealed class SoftRounding
{
    private const float Stretch = 1.2f, Shift = 0.1f;
    private const float FirstDecay = 0.9f, SecondDecay = 0.999f;

    private readonly int _columns;
    private readonly float[] _starts;
    private readonly float[] _steps;
    private readonly float[] _values;
    private readonly float[] _first;
    private readonly float[] _second;

    /// <summary>Starts where h is what a weight exceeds its lower code by.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="grid">The grid with its parameters.</param>
    public SoftRounding(float[] weights, int columns, IWeightGrid grid)
    {
        var rows = weights.Length / columns;
        _columns = columns;
        Width = (columns + Vector256<float>.Count - 1) / Vector256<float>.Count * Vector256<float>.Count;
        (_starts, _steps, _values) = (new float[rows * Width], new float[rows * Width], new float[rows * Width]);
        (_first, _second) = (new float[rows * Width], new float[rows * Width]);
        var (scales, zeroPoints) = (new float[columns], new float[columns]);
        for (var row = 0; row < rows; row++)
        {
            grid.GetParameters(row, 0, scales, zeroPoints);
            for (var column = 0; column < columns; column++)
            {
                var (weight, scale, zero, place) = (weights[(row * columns) + column], scales[column], zeroPoints[column], (row * Width) + column);
                var exact = scale == 0 ? zero : (weight / scale) + zero;
                var floor = MathF.Floor(exact);

                // Beyond the ends of the grid there is no choice.
                _steps[place] = floor >= grid.Low && floor < grid.High ? scale : 0;
                _starts[place] = ((Math.Clamp(floor, grid.Low, grid.High) - zero) * scale) - weight;
                _values[place] = Initial(exact - floor);
            }
        }
    }

    /// <summary>Elements from a row to the next.</summary>
    public int Width { get; }

    /// <summary>Number of rows, K.</summary>
    public int Rows => _starts.Length / Width;

    /// <summary>The V with h(V) = rest.</summary>
    /// <param name="rest">From 0 to 1, without 1.</param>
    public static float Initial(float rest) => -MathF.Log((Stretch / (rest + Shift)) - 1);

    /// <summary>h(V).</summary>
    public static float Rectified(float value) => Rectified(Sigmoid(Vector256.Create(value)))[0];

    /// <summary>Writes d of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="differences">[K, <see cref="Width"/>].</param>
    public void Differ(int row, float[] differences)
    {
        for (var place = row * Width; place < (row + 1) * Width; place += Vector256<float>.Count)
        {
            var h = Rectified(Sigmoid(Load(_values, place)));
            (Load(_starts, place) + (Load(_steps, place) * h)).CopyTo(differences, place);
        }
    }

    /// <summary>Moves the V of a row one step of Adam down the gradient.</summary>
    /// <param name="row">The row.</param>
    /// <param name="gradients">Gradient of the reconstruction error in d, [K, <see cref="Width"/>].</param>
    /// <param name="factors">What that is multiplied with in each column, [<see cref="Width"/>].</param>
    /// <param name="lambda">Weight of 1 - |2h - 1|^beta; may be 0.</param>
    /// <param name="beta">The exponent.</param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="iteration">Number of the step, from 1.</param>
    public void Step(int row, float[] gradients, float[] factors, float lambda, float beta, double learningRate, int iteration)
    {
        var one = Vector256<float>.One;
        var rate = (float)(learningRate / (1 - Math.Pow(FirstDecay, iteration)));
        var correction = (float)(1 / (1 - Math.Pow(SecondDecay, iteration)));
        for (var column = 0; column < Width; column += Vector256<float>.Count)
        {
            var place = (row * Width) + column;
            var steps = Load(_steps, place);
            var sigmoid = Sigmoid(Load(_values, place));
            var h = Rectified(sigmoid);
            var slope = Stretch * sigmoid * (one - sigmoid);
            var gradient = Load(gradients, place) * Load(factors, column) * steps;
            if (lambda > 0)
            {
                // Of -|2h - 1|^beta, in h; the smallest number keeps the logarithm finite.
                var side = (2 * h) - one;
                var power = Vector256.Exp((beta - 1) * Vector256.Log(Vector256.Max(Vector256.Abs(side), Vector256.Create(1e-20f))));
                gradient -= 2 * lambda * beta * Vector256.CopySign(power, side);
            }

            var isFree = Vector256.GreaterThan(h, Vector256<float>.Zero) & Vector256.LessThan(h, one) & ~Vector256.Equals(steps, Vector256<float>.Zero);
            gradient = gradient * slope & isFree;
            var first = (FirstDecay * Load(_first, place)) + ((1 - FirstDecay) * gradient);
            var second = (SecondDecay * Load(_second, place)) + ((1 - SecondDecay) * gradient * gradient);
            first.CopyTo(_first, place);
            second.CopyTo(_second, place);
            (Load(_values, place) - (rate * first / (Vector256.Sqrt(second * correction) + Vector256.Create(1e-8f)))).CopyTo(_values, place);
        }
    }

    /// <summary>The weights with every one at the code that its h is closer to.</summary>
    /// <param name="weights">W, [K, N].</param>
    public float[] Harden(float[] weights)
    {
        var result = new float[weights.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var place = (i / _columns * Width) + (i % _columns);
            result[i] = weights[i] + _starts[place] + (_values[place] >= 0 ? _steps[place] : 0);
        }

        return result;
    }

    private static Vector256<float> Load(float[] array, int place) => Vector256.Create(array, place);

    private static Vector256<float> Sigmoid(Vector256<float> value) => Vector256<float>.One / (Vector256<float>.One + Vector256.Exp(-value));

    private static Vector256<float> Rectified(Vector256<float> sigmoid) =>
        Vector256.MinNative(Vector256.MaxNative((Stretch * sigmoid) - Vector256.Create(Shift), Vector256<float>.Zero), Vector256<float>.One);
}
