using CompressTool.Diffusion.RandomNumbers;

namespace CompressTool.Diffusion.Samplers;

/// <summary>
/// A sampler: from noise to samples, in steps that each see one output of the model. For every step, the caller gives the
/// model the sample times <see cref="InputScale"/> and the step's timestep, and hands the output to <see cref="Step"/>.
/// Keeps the history of its run; not for use on several threads at once.
/// </summary>
public abstract class Sampler
{
    private float[] _noise = [];
    private INoiseSource? _noiseSource;
    private int _length;

    private protected Sampler(IReadOnlyList<float> timesteps) => Timesteps = timesteps;

    /// <summary>The timestep that the model gets in each step. Samplers of second order visit some twice, so there may be more of them than steps were asked for.</summary>
    public IReadOnlyList<float> Timesteps { get; }

    /// <summary>The step that comes next.</summary>
    public int Position { get; private set; }

    /// <summary>The standard deviation of the noise that a run starts from.</summary>
    public virtual float InitialNoiseScale => 1;

    /// <summary>What the sample is multiplied by before the model sees it in the next step.</summary>
    public float InputScale => InputScaleAt(Position);

    /// <summary>Whether <see cref="InputScale"/> is ever other than 1.</summary>
    public virtual bool ScalesInput => false;

    /// <summary>Whether it needs the variance that a model predicts.</summary>
    public virtual bool NeedsVariance => false;

    /// <summary>Number of elements of one sample.</summary>
    private protected int ItemLength { get; private set; }

    /// <summary>Starts a run, forgetting the last.</summary>
    /// <param name="items">Number of samples.</param>
    /// <param name="itemLength">Number of elements of each.</param>
    /// <param name="noise">Where noise comes from.</param>
    /// <param name="firstStep">The first step; more than 0 to start from samples with the noise of that step (<see cref="MixAt"/>).</param>
    public void Begin(int items, int itemLength, INoiseSource noise, int firstStep = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(items);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(itemLength);
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstStep, Timesteps.Count);
        (_noiseSource, Position, ItemLength, _length) = (noise, firstStep, itemLength, checked(items * itemLength));
        Reset(_length);
    }

    /// <summary>Does the next step.</summary>
    /// <param name="output">The model's output for the current sample.</param>
    /// <param name="sample">The current sample; becomes the next one.</param>
    /// <param name="variance">The second half of the channels of the output of models that predict variances; empty for others.</param>
    public void Step(ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance = default)
    {
        if (_noiseSource is null || Position == Timesteps.Count)
        {
            throw new InvalidOperationException("The run has ended, or not begun.");
        }

        if (output.Length != _length || sample.Length != _length || (!variance.IsEmpty && variance.Length != _length))
        {
            throw new ArgumentException($"The run is of {_length} elements, but there are {output.Length} of the output, {sample.Length} of the sample and {variance.Length} of the variance.");
        }

        Advance(Position, output, sample, variance);
        Position++;
    }

    /// <summary>The factors of clean sample and noise in the sample that a step starts from.</summary>
    public abstract (float OfSample, float OfNoise) MixAt(int step);

    /// <summary>What the sample of a step is multiplied by for the model.</summary>
    private protected virtual float InputScaleAt(int step) => 1;

    /// <summary>Forgets the history.</summary>
    private protected virtual void Reset(int length)
    {
    }

    /// <summary>Does a step.</summary>
    private protected abstract void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance);

    /// <summary>Draws the noise of a step.</summary>
    private protected ReadOnlySpan<float> DrawNoise()
    {
        if (_noise.Length != _length)
        {
            _noise = new float[_length];
        }

        _noiseSource!.FillNormal(_noise);
        return _noise;
    }
}
