using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.CustomOperators;

/// <summary>One loop on the threads of a session: what native code calls back, and the first exception.</summary>
internal sealed unsafe class ParallelWork
{
    private readonly Action<int> _body;
    private ExceptionDispatchInfo? _failure;

    private ParallelWork(Action<int> body) => _body = body;

    public static void Run(nint context, int count, Action<int> body)
    {
        var work = new ParallelWork(body);
        var handle = GCHandle.Alloc(work);
        try
        {
            // As many batches as numbers: a batch goes to one thread as a whole.
            OrtStatus.Check(OrtLibrary.Api->KernelContext_ParallelFor(context, &Call, (nuint)count, (nuint)count, GCHandle.ToIntPtr(handle)), "Running a kernel in parallel");
        }
        finally
        {
            handle.Free();
        }

        work._failure?.Throw();
    }

    [UnmanagedCallersOnly]
    private static void Call(nint handle, nuint index)
    {
        var work = (ParallelWork)GCHandle.FromIntPtr(handle).Target!;
        if (Volatile.Read(ref work._failure) is not null)
        {
            return;
        }

        try
        {
            work._body((int)index);
        }
#pragma warning disable CA1031 // An exception must not unwind through native frames; it goes on in Run
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref work._failure, ExceptionDispatchInfo.Capture(exception), null);
        }
    }
}
