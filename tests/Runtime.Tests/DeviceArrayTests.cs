using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Runtime.Tests;

/// <summary>Arrays of a device, for which the CPU stands in.</summary>
[TestClass]
public sealed class DeviceArrayTests
{
    private static readonly EngineOptions s_named = new() { Providers = [new ExecutionProvider("CPU")] };
    private static readonly IEngine s_engine = new OnnxRuntimeEngine();

    [TestMethod]
    [DataRow(DataType.Float, new long[] { 2, 3 })]
    [DataRow(DataType.Float16, new long[] { 5 })]
    [DataRow(DataType.Int64, new long[] { })]
    [DataRow(DataType.Bool, new long[] { 7 })]
    [DataRow(DataType.Double, new long[] { 0, 3 })]
    public void Content_goes_there_and_back(DataType type, long[] dims)
    {
        using var memory = s_engine.OpenDeviceMemory(s_named);
        using var array = memory.Allocate(type, dims);
        using var from = new NativeArray(type, dims);
        using var to = new NativeArray(type, dims);
        for (var i = 0; i < from.ByteLength; i++)
        {
            from.AsSpan<byte>()[i] = (byte)(i & 1);
        }

        array.CopyFrom(from);
        array.CopyTo(to);

        Assert.AreSequenceEqual(from.AsSpan<byte>().ToArray(), to.AsSpan<byte>().ToArray());
        Assert.AreEqual(2 * from.ByteLength, memory.BytesCopied);
    }

    [TestMethod]
    public void Runs_of_different_functions_change_an_array_in_place()
    {
        using var memory = s_engine.OpenDeviceMemory(s_named);
        using var sum = memory.Allocate(DataType.Float, 3);
        using var start = Array(1, 2, 3);
        sum.CopyFrom(start);
        using var step = Array(10, 20, 30);
        using var adding = new InPlace("Add", sum, step);
        using var multiplying = new InPlace("Mul", sum, step);

        adding.Run();
        adding.Run();

        // What the host has written since is what the next run reads.
        ((float[])[1, 0, 2]).CopyTo(step.AsSpan<float>());
        multiplying.Run();
        adding.Run();

        using var result = new NativeArray(DataType.Float, 3);
        sum.CopyTo(result);
        Assert.AreSequenceEqual([22f, 0, 128], result.AsSpan<float>().ToArray());
        Assert.AreEqual(2 * 12, memory.BytesCopied);
    }

    [TestMethod]
    public void Arrays_must_fit()
    {
        using var memory = s_engine.OpenDeviceMemory();
        using var array = memory.Allocate(DataType.Float, 2, 3);
        using var flat = new NativeArray(DataType.Float, 6);
        using var integers = new NativeArray(DataType.Int32, 2, 3);

        Assert.AreEqual("float32[2,3]", array.ToString());
        Assert.ThrowsExactly<ArgumentException>(() => array.CopyFrom(flat));
        Assert.ThrowsExactly<ArgumentException>(() => array.CopyTo(integers));

        using var function = s_engine.Compile(ModelOf("Add"));
        using var binding = function.Bind();
        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.Throws<CompressToolException>(() => binding.SetInput("nobody", array)).Code);
        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.Throws<CompressToolException>(() => binding.SetOutput("nobody", array)).Code);
        Assert.ThrowsExactly<ArgumentException>(() => binding.SetInput("x", new ForeignArray()));
    }

    [TestMethod]
    public void A_provider_that_is_not_there_is_named()
    {
        using var memory = s_engine.OpenDeviceMemory(new EngineOptions { Providers = [new ExecutionProvider("abacus")] });
        Assert.AreSame(RuntimeErrors.ProviderNotAvailable, Assert.Throws<CompressToolException>(() => memory.Allocate(DataType.Float, 1)).Code);
    }

    private static NativeArray Array(params float[] numbers) => NativeArray.From(NdArray.Create(numbers, numbers.Length));

    private static Model ModelOf(string opType)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var (x, y, result) = (new Value("x", new TensorType(DataType.Float, Shape.Of([3]))), new Value("y", new TensorType(DataType.Float, Shape.Of([3]))), new Value("result", new TensorType(DataType.Float, Shape.Of([3]))));
        model.Graph.AddInput(x);
        model.Graph.AddInput(y);
        model.Graph.Add(new Node(opType, [x, y], [result], "node"));
        model.Graph.Outputs.Add(result);
        return model;
    }

    /// <summary>x = x op y.</summary>
    private sealed class InPlace : IDisposable
    {
        private readonly ICompiledFunction _function;
        private readonly IFunctionBinding _binding;

        public InPlace(string opType, DeviceArray x, NativeArray y)
        {
            _function = s_engine.Compile(ModelOf(opType), s_named);
            _binding = _function.Bind();
            _binding.SetInput("x", x);
            _binding.SetInput("y", y);
            _binding.SetOutput("result", x);
        }

        public void Run() => _binding.Run();

        public void Dispose()
        {
            _binding.Dispose();
            _function.Dispose();
        }
    }

    private sealed class ForeignArray() : DeviceArray(DataType.Float, [3])
    {
        public override void Dispose()
        {
        }

        protected override void Upload(NativeArray source) => throw new NotSupportedException("It is nowhere.");

        protected override void Download(NativeArray target) => throw new NotSupportedException("It is nowhere.");
    }
}
