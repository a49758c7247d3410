using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>The classes and other conditions of a batch, as the model's inputs.</summary>
/// <param name="denoiser">The model.</param>
/// <param name="options">What is drawn.</param>
/// <param name="first">The first sample of the batch.</param>
/// <param name="count">The number of samples of the batch.</param>
/// <param name="guided">Whether every sample is there twice, without the condition first.</param>
internal sealed class ConditionRows(Denoiser denoiser, SamplingOptions options, int first, int count, bool guided)
{
    /// <summary>An input of the model, whole or by rows.</summary>
    public readonly record struct Condition(string Name, NativeArray Array, bool ByRow);

    /// <summary>Makes the arrays.</summary>
    /// <param name="rows">The number of rows; those behind the samples are as the first ones.</param>
    /// <param name="own">Called with every array.</param>
    /// <exception cref="CompressToolException">A condition is missing, or has another type or shape than the input.</exception>
    public List<Condition> Create(int rows, Func<NativeArray, NativeArray> own)
    {
        var conditions = new List<Condition>();
        foreach (var name in options.Conditions.Keys.Concat(options.NullConditions.Keys).Where(name => denoiser.Conditions.All(input => input.Name != name)))
        {
            throw Invalid($"the model has no input '{name}' for a condition{NearestName.Hint(name, [.. denoiser.Conditions.Select(input => input.Name)])}");
        }

        if (denoiser.Labels is { } labels)
        {
            conditions.Add(new Condition(labels.Name, own(Labels(labels, rows)), true));
        }
        else if (options.Labels is not null)
        {
            throw Invalid("the model takes no classes");
        }

        foreach (var input in denoiser.Conditions)
        {
            var given = options.Conditions.GetValueOrDefault(input.Name) ?? throw Invalid($"the model needs the condition {input}");
            var without = options.NullConditions.GetValueOrDefault(input.Name, given);
            Check(input, given);
            Check(input, without);
            var byRow = IsByRow(input, given);
            conditions.Add(new Condition(input.Name, own(byRow ? Rows(input, given, without, rows) : NativeArray.From(given)), byRow));
        }

        return conditions;
    }

    private NativeArray Labels(FunctionValue input, int rows)
    {
        var labels = options.Labels ?? throw Invalid($"the model needs a class for each sample ({input})");
        if (labels.Count != options.Count)
        {
            throw Invalid($"there are {labels.Count} classes for {options.Count} samples");
        }

        var none = !guided ? 0 : options.NullLabel ?? throw Invalid("guidance needs the class that stands for no class");
        var array = new NativeArray(input.Type.ElementType, rows);
        for (var row = 0; row < rows; row++)
        {
            RowCopy.Set(array, row, Source(row) is var (sample, with) && with ? labels[sample] : none);
        }

        return array;
    }

    private NativeArray Rows(FunctionValue input, NdArray given, NdArray without, int rows)
    {
        var array = new NativeArray(given.Type, [rows, .. given.Dims.Skip(1)]);
        var rowBytes = checked((int)(array.ByteLength / rows));
        for (var row = 0; row < rows; row++)
        {
            var (sample, with) = Source(row);
            var source = with ? given : without;
            var sourceRow = source.Dims[0] == 1 ? 0 : source.Dims[0] == options.Count ? sample
                : throw Invalid($"'{input.Name}' must have one row for each of {options.Count} samples, or one for all, but is {source}");
            source.Data.Span.Slice(sourceRow * rowBytes, rowBytes).CopyTo(array.AsSpan<byte>()[(row * rowBytes)..]);
        }

        return array;
    }

    /// <summary>The sample of a row, and whether it is the row with the condition.</summary>
    private (int Sample, bool WithCondition) Source(int row) =>
        !guided ? (first + (row % count), true) : row < 2 * count ? (first + (row % count), row >= count) : (first, true);

    /// <summary>Whether the first dimension of an input is the batch.</summary>
    private bool IsByRow(FunctionValue input, NdArray given)
    {
        if (given.Dims.Count == 0)
        {
            return false;
        }

        var (own, batch) = (input.Type.Shape?[0] ?? Dim.Unknown, denoiser.Sample.Type.Shape![0]);
        return own.IsUnknown || batch.IsUnknown ? given.Dims[0] == 1 || given.Dims[0] == options.Count : own == batch;
    }

    private static void Check(FunctionValue input, NdArray given)
    {
        var shape = input.Type.Shape;
        if (given.Type != input.Type.ElementType || (shape is not null && (shape.Count != given.Dims.Count || shape.Zip(given.Dims).Skip(1).Any(pair => pair.First.Value is { } size && size != pair.Second))))
        {
            throw Invalid($"'{input.Name}' must be {input.Type}, but is {given}");
        }
    }

    private static CompressToolException Invalid(string message) => new(DiffusionErrors.InvalidCondition, message);
}
