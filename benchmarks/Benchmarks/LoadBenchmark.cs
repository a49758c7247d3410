using System.Globalization;
using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.OnnxFormat;

namespace CompressTool.Benchmarks;

/// <summary>Our reader, which leaves weights in the file, against the generated parser, which copies them.</summary>
internal sealed class LoadBenchmark : IBenchmark
{
    private const int Runs = 5, Tensors = 64, TensorSize = 16 << 20;

    public string Name => "load";

    public string Description => "loading a model with 1 GiB of weights inside: our reader against Google.Protobuf.";

    public void Run(BenchmarkContext context)
    {
        var model = Create(context.File("embedded.onnx"));
        ReadFile([model]); // Into the system's cache, for all alike.
        Compare(context, "load, count parameters", ProtobufLoad, ("CompressTool.Onnx", Load), model);
        Compare(context, "load, read every weight once", ProtobufLoadAndRead, ("CompressTool.Onnx", LoadAndRead), model);
    }

    private static void Compare(BenchmarkContext context, string title, Action<string[]> peer, (string Name, Action<string[]> Work) ours, string model)
    {
        context.Output.WriteLine($"{title}:");
        var theirs = Print(context, "Google.Protobuf", Measure.Isolated(Runs, peer, model), null);
        Print(context, "reading the file and no more", Measure.Isolated(Runs, ReadFile, model), theirs);
        Print(context, ours.Name, Measure.Isolated(Runs, ours.Work, model), theirs);
    }

    private static Measurement Print(BenchmarkContext context, string name, Measurement figures, Measurement? peer)
    {
        var ratio = peer is null ? "" : string.Create(CultureInfo.InvariantCulture,
            $"   {figures.Seconds / peer.Value.Seconds:0.000} / {figures.ProcessorSeconds / peer.Value.ProcessorSeconds:0.000} / {figures.PeakBytes / (double)peer.Value.PeakBytes:0.000} x");
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {name,-32} {figures.Seconds,7:0.000} s {figures.ProcessorSeconds,7:0.000} s cpu {figures.PeakBytes / 1e6,7:0} MB{ratio}"));
        return figures;
    }

    /// <summary>A chain of additions, each with a weight of its own.</summary>
    private static string Create(string path)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        model.Graph.AddInput(new Value("x", new TensorType(DataType.Float, new Shape(TensorSize / sizeof(float)))));
        var value = model.Graph.Inputs[0];
        for (var index = 0; index < Tensors; index++)
        {
            var (first, data) = (index, new byte[TensorSize]);
            new Random(first).NextBytes(data);
            value = model.Graph.AddNode(null, "Add", "sum", [value, model.Graph.AddInitializer("weight", new Tensor(DataType.Float, [TensorSize / sizeof(float)], new MemoryData(data)))]);
        }

        model.Graph.Outputs.Add(value);
        model.Save(path, new SaveOptions { ExternalData = ExternalDataMode.Never });
        return path;
    }

    private static void Load(string[] arguments)
    {
        using var model = Model.Load(arguments[0]);
        Expect(model.Graph.Initializers.Sum(value => value.Initializer!.Count));
    }

    private static void ProtobufLoad(string[] arguments) =>
        Expect(ProtobufParse(arguments[0]).Graph.Initializer.Sum(tensor => tensor.Dims.Aggregate(1L, (product, dim) => product * dim)));

    private static void LoadAndRead(string[] arguments)
    {
        using var model = Model.Load(arguments[0]);
        foreach (var value in model.Graph.Initializers)
        {
            using var view = value.Initializer!.Data.View();
            Read(view.Span);
        }
    }

    private static void ProtobufLoadAndRead(string[] arguments)
    {
        foreach (var tensor in ProtobufParse(arguments[0]).Graph.Initializer)
        {
            Read(tensor.RawData.Span);
        }
    }

    private static void ReadFile(string[] arguments)
    {
        var buffer = new byte[1 << 20];
        using var stream = File.OpenRead(arguments[0]);
        for (int count; (count = stream.Read(buffer)) > 0;)
        {
            Read(buffer.AsSpan(0, count));
        }
    }

    private static ModelProto ProtobufParse(string path)
    {
        using var stream = File.OpenRead(path);
        return ModelProto.Parser.ParseFrom(stream);
    }

    private static void Read(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        foreach (var number in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            sum += number;
        }

        GC.KeepAlive(sum);
    }

    private static void Expect(long parameters)
    {
        if (parameters != Tensors * (TensorSize / sizeof(float)))
        {
            throw new InvalidOperationException($"{parameters} parameters");
        }
    }
}
