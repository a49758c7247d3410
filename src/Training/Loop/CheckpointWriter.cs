using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// Writes checkpoints in the background, from a copy of the blocks, while the training goes on. There is one copy: the next
/// checkpoint waits until the one before is written.
/// </summary>
internal sealed class CheckpointWriter(CheckpointFolder folder, Checkpoint checkpoint) : IDisposable
{
    private ParameterBlock[] _copies = [];
    private Task _writing = Task.CompletedTask;

    /// <summary>Takes a copy of the training as it is now, and begins to write it.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The checkpoint before could not be written.</exception>
    public void Begin(LoopState state)
    {
        Wait();
        var blocks = checkpoint.Blocks;
        if (_copies.Length == 0)
        {
            _copies = [.. blocks.Select(block => new ParameterBlock(block.Layout))];
        }

        foreach (var (copy, block) in _copies.Zip(blocks))
        {
            copy.CopyFrom(block);
        }

        _writing = Task.Run(() => folder.Write(state, _copies));
    }

    /// <summary>Tells of a write that has failed meanwhile, without waiting for one that has not ended.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The checkpoint could not be written.</exception>
    public void ThrowIfFailed()
    {
        if (_writing.IsFaulted)
        {
            Wait();
        }
    }

    /// <summary>Waits until the checkpoint is written.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">It could not be written.</exception>
    public void Wait()
    {
        var writing = _writing;
        _writing = Task.CompletedTask;
        writing.GetAwaiter().GetResult();
    }

    /// <summary>Waits as <see cref="Wait"/>, and frees the copy.</summary>
    public void Finish()
    {
        Wait();
        Free();
    }

    /// <summary>Waits for a write; should it fail, then the checkpoint before is the newest, and whatever ended the training comes first.</summary>
    public void Dispose()
    {
        Task.WhenAny(_writing).GetAwaiter().GetResult();
        Free();
    }

    private void Free()
    {
        foreach (var copy in _copies)
        {
            copy.Dispose();
        }

        _copies = [];
    }
}
