using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Distillation;

/// <summary>Adds to each batch what the teacher gives for it.</summary>
/// <param name="source">The batches, with arrays for all inputs of the teacher.</param>
/// <param name="teacher">The teacher.</param>
/// <param name="output">Its output that is wanted.</param>
/// <param name="fingerprint">Gives what tells this teacher from others, its hash; asked for checkpoints only.</param>
/// <param name="microBatch">Samples that it takes at once.</param>
internal sealed class TeacherSource(IBatchSource source, ICompiledFunction teacher, string output, Func<string> fingerprint, int microBatch) : IBatchSource
{
    /// <summary>The array of the teacher's outputs.</summary>
    public const string Array = "teacher";

    public IEnumerable<KeyValuePair<string, string>> Describe() => [.. source.Describe(), new("teacher", fingerprint())];

    public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
    {
        var batch = source.Read(seed, step, cancellationToken);
        NativeArray? all = null;
        try
        {
            for (var first = 0; first < batch.Count; first += microBatch)
            {
                var part = batch.Slice(first, microBatch);
                var result = teacher.Run(teacher.Inputs.ToDictionary(input => input.Name, input => part.Arrays[input.Name].ToNdArray()), [output], cancellationToken)[output];
                all ??= new NativeArray(result.Type, [batch.Count, .. result.Dims.Skip(1)]);
                result.Data.Span.CopyTo(all.Part(all.ByteLength / batch.Count * first, result.Type, result.Dims).AsSpan<byte>());
            }

            return new Batch(batch.Count, new Dictionary<string, NativeArray>(batch.Arrays) { [Array] = all! });
        }
        catch
        {
            all?.Dispose();
            batch.Dispose();
            throw;
        }
    }
}
