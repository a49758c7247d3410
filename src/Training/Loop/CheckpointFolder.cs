using System.Globalization;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>The checkpoints of a training: the newest few, each complete.</summary>
internal sealed class CheckpointFolder(string path, int keep, Checkpoint checkpoint)
{
    private const string Prefix = "checkpoint-", Suffix = ".safetensors";

    private readonly string _path = Path.GetFullPath(path);

    /// <summary>Goes on from the newest checkpoint that is not damaged; null when there is none at all.</summary>
    /// <exception cref="CompressToolException">All are damaged (<see cref="TrainingErrors.InvalidCheckpoint"/>), or one is of another
    /// training (<see cref="TrainingErrors.ForeignCheckpoint"/>).</exception>
    public (ResumedTraining Resumed, LoopState State)? Resume()
    {
        if (!Directory.Exists(_path))
        {
            return null;
        }

        // What a killed process left of its last write.
        foreach (var leftover in Directory.EnumerateFiles(_path, $"{Prefix}*{Suffix}.*.tmp"))
        {
            File.Delete(leftover);
        }

        var damaged = new List<CompressToolException>();
        foreach (var (step, file) in Files().OrderByDescending(found => found.Step))
        {
            try
            {
                var state = checkpoint.Read(file, step);
                return (new ResumedTraining(step, file, [.. damaged.Select(error => error.Message)]), state);
            }
            catch (CompressToolException e) when (e.Code == TrainingErrors.InvalidCheckpoint)
            {
                damaged.Add(e);
            }
        }

        return damaged.Count == 0 ? null : throw damaged[0];
    }

    /// <summary>Writes a checkpoint, and deletes those that are too old then.</summary>
    public void Write(LoopState state, IReadOnlyList<ParameterBlock> blocks)
    {
        try
        {
            Directory.CreateDirectory(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.WriteFailed, $"the folder '{_path}' of the checkpoints cannot be made: {e.Message}", inner: e);
        }

        checkpoint.Write(Path.Combine(_path, $"{Prefix}{state.Step:d10}{Suffix}"), state, blocks);
        foreach (var (_, file) in Files().Where(found => found.Step < state.Step).OrderByDescending(found => found.Step).Skip(keep - 1))
        {
            File.Delete(file);
        }
    }

    private IEnumerable<(long Step, string File)> Files() =>
        from file in Directory.GetFiles(_path, $"{Prefix}*{Suffix}")
        let name = Path.GetFileName(file)
        let digits = name[Prefix.Length..^Suffix.Length]
        where long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        select (long.Parse(digits, CultureInfo.InvariantCulture), file);
}
