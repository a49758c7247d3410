using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.CustomOperators;

/// <summary>Inputs, outputs, memory and threads of a kernel during one run.</summary>
public readonly unsafe ref struct KernelContext
{
    private readonly nint _context;

    internal KernelContext(nint context) => _context = context;

    /// <summary>An input that every node has.</summary>
    public KernelTensor Input(int index) =>
        OptionalInput(index) ?? throw new CompressToolException(RuntimeErrors.InvalidInput, $"Input {index} is missing.");

    /// <summary>An input; null when the node leaves it out.</summary>
    public KernelTensor? OptionalInput(int index)
    {
        nint value;
        OrtStatus.Check(OrtLibrary.Api->KernelContext_GetInput(_context, (nuint)index, &value), $"Reading input {index}");
        return value == 0 ? null : new KernelTensor(Data(value), Dims(value));
    }

    /// <summary>Allocates an output that every node has.</summary>
    /// <param name="index">Which.</param>
    /// <param name="dims">Its dimensions.</param>
    public KernelTensor Output(int index, params ReadOnlySpan<long> dims) =>
        OptionalOutput(index, dims) ?? throw new CompressToolException(RuntimeErrors.InvalidInput, $"Output {index} is missing.");

    /// <summary>Allocates an output; null when the node leaves it out.</summary>
    /// <param name="index">Which.</param>
    /// <param name="dims">Its dimensions.</param>
    public KernelTensor? OptionalOutput(int index, params ReadOnlySpan<long> dims)
    {
        nuint count;
        OrtStatus.Check(OrtLibrary.Api->KernelContext_GetOutputCount(_context, &count), "Counting the outputs");
        nint value = 0;
        if ((nuint)index < count)
        {
            fixed (long* sizes = dims)
            {
                OrtStatus.Check(OrtLibrary.Api->KernelContext_GetOutput(_context, (nuint)index, sizes, (nuint)dims.Length, &value), $"Allocating output {index}");
            }
        }

        return value == 0 ? null : new KernelTensor(Data(value), dims.ToArray());
    }

    /// <summary>Takes memory from the session's pool, to be given back before the kernel ends.</summary>
    /// <param name="bytes">How much.</param>
    public ScratchMemory Allocate(long bytes)
    {
        using var info = OrtMemoryInfo.Cpu.Handle.Acquire();
        nint allocator;
        OrtStatus.Check(OrtLibrary.Api->KernelContext_GetAllocator(_context, info.Pointer, &allocator), "Getting the allocator of a kernel");
        return new ScratchMemory(allocator, bytes);
    }

    /// <summary>
    /// Calls a function with 0 up to <paramref name="count"/> - 1, on the threads of the session, and waits. A thread that
    /// is done with one number takes the next, so uneven or disturbed work balances itself when there are several per thread.
    /// </summary>
    /// <param name="count">How many calls.</param>
    /// <param name="body">The function. For the same bits on any number of threads, what is written for a number must not depend on others.</param>
    /// <exception cref="Exception">Whatever the function threw first.</exception>
    public void ParallelFor(int count, Action<int> body)
    {
        if (count <= 1)
        {
            if (count == 1)
            {
                body(0);
            }

            return;
        }

        ParallelWork.Run(_context, count, body);
    }

    private static void* Data(nint value)
    {
        void* data;
        OrtStatus.Check(OrtLibrary.Api->GetTensorMutableData(value, &data), "Reading a tensor");
        return data;
    }

    private static long[] Dims(nint value)
    {
        var api = OrtLibrary.Api;
        nint info;
        OrtStatus.Check(api->GetTensorTypeAndShape(value, &info), "Reading a shape");
        try
        {
            nuint rank;
            OrtStatus.Check(api->GetDimensionsCount(info, &rank), "Reading a shape");
            var dims = new long[(int)rank];
            fixed (long* sizes = dims)
            {
                OrtStatus.Check(api->GetDimensions(info, sizes, rank), "Reading a shape");
            }

            return dims;
        }
        finally
        {
            api->ReleaseTensorTypeAndShapeInfo(info);
        }
    }
}
