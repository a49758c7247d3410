using System.Runtime.ExceptionServices;
using System.Threading.Channels;

namespace CompressTool.Training.Loop;

/// <summary>Reads the batches of the steps to come in the background, a few ahead.</summary>
internal sealed class BatchPrefetcher : IDisposable
{
    private readonly Channel<Batch> _channel;
    private readonly CancellationTokenSource _stop;
    private readonly Task _reading;

    /// <summary>Starts to read.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="seed">The training's seed.</param>
    /// <param name="steps">The steps, from the first to behind the last.</param>
    /// <param name="ahead">How many batches may wait.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public BatchPrefetcher(IBatchSource source, ulong seed, (long First, long End) steps, int ahead, CancellationToken cancellationToken)
    {
        _channel = Channel.CreateBounded<Batch>(new BoundedChannelOptions(ahead) { SingleReader = true, SingleWriter = true });
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var stop = _stop.Token;
        _reading = Task.Run(async () =>
        {
            Exception? error = null;
            try
            {
                for (var step = steps.First; step < steps.End; step++)
                {
                    var batch = source.Read(seed, step, stop);
                    try
                    {
                        await _channel.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
                    }
                    catch
                    {
                        batch.Dispose();
                        throw;
                    }
                }
            }
            catch (Exception e)
            {
                error = e;
            }

            _channel.Writer.Complete(error);
        }, CancellationToken.None);
    }

    /// <summary>The batch of the next step, which belongs to the caller. Errors of the source come out here, after the batches before them.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Batch Next(CancellationToken cancellationToken)
    {
        try
        {
            return _channel.Reader.ReadAsync(cancellationToken).AsTask().GetAwaiter().GetResult();
        }
        catch (ChannelClosedException e) when (e.InnerException is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
            throw;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _reading.GetAwaiter().GetResult();
        while (_channel.Reader.TryRead(out var batch))
        {
            batch.Dispose();
        }

        _stop.Dispose();
    }
}
