using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class InferenceSessionTests
{
    [TestMethod]
    [DataRow("unet2d/model_op17_dynbatch.onnx", "unet2d/io", "sample timestep")]
    [DataRow("unet2d/model_op17_dynbatch.onnx", "unet2d/io_b3", "sample timestep")]
    [DataRow("unet2d-cifarstyle/model_op14.onnx", "unet2d-cifarstyle/io", "sample timestep")]
    [DataRow("autoencoder-kl/decoder_op17.onnx", "autoencoder-kl/io", "latent")]
    public void Run_gives_the_reference_outputs(string model, string folder, string inputNames)
    {
        var (inputs, expected, shape) = Reference.Load(folder, inputNames.Split(' '));
        using var session = new InferenceSession(Repository.Fixture(model));
        using var outputs = session.Run(inputs);

        Assert.AreSequenceEqual(shape, outputs["out_sample"].Shape);
        Reference.AssertClose(expected, outputs[0].GetTensorDataAsSpan<float>());
        inputs.DisposeAll();
    }

    [TestMethod]
    public void Run_gives_the_reference_outputs_of_a_model_in_memory_without_optimizations()
    {
        var (inputs, expected, _) = Reference.Load("unet2d/io", "sample", "timestep");
        using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.DisableAll, EnableMemoryPattern = false, EnableCpuMemArena = false, ExecutionMode = ExecutionMode.Parallel, InterOpNumThreads = 2 };
        using var session = new InferenceSession(File.ReadAllBytes(Reference.UNet), options);
        using var outputs = session.Run(inputs, ["out_sample"]);

        Reference.AssertClose(expected, outputs["out_sample"].GetTensorDataAsSpan<float>());
        inputs.DisposeAll();
    }

    [TestMethod]
    public void Metadata_has_names_types_and_symbolic_dimensions()
    {
        using var session = new InferenceSession(Reference.UNet);

        Assert.AreSequenceEqual(["sample", "timestep"], session.InputNames);
        Assert.AreSequenceEqual(["out_sample"], session.OutputNames);
        var sample = session.InputMetadata["sample"];
        Assert.AreEqual("float32[batch,3,32,32]", sample.ToString());
        Assert.AreEqual(DataType.Float, sample.ElementType);
        Assert.AreSequenceEqual([-1L, 3, 32, 32], sample.Dimensions);
        Assert.AreSequenceEqual(["batch", "", "", ""], sample.SymbolicDimensions);
        Assert.AreEqual("int64[batch]", session.InputMetadata["timestep"].ToString());
        Assert.IsTrue(session.OutputMetadata["out_sample"].IsTensor);
        Assert.AreEqual("pytorch", session.ModelMetadata.ProducerName);
    }

    [TestMethod]
    public void Metadata_has_what_the_model_says_about_itself()
    {
        var graph = TinyModel.Graph(
            [TinyModel.Node("Add", ["x", "w"], ["y"]), TinyModel.Node("SequenceConstruct", ["y"], ["s"])],
            [TinyModel.Unranked("x", DataType.Float), TinyModel.Value("w", DataType.Float)],
            [TinyModel.Unranked("y", DataType.Float), TinyModel.Sequence("s", DataType.Float)],
            TinyModel.Tensor("w", [], 1));
        using var session = new InferenceSession(TinyModel.Model(graph, 17, ("task", "größer"), ("empty", "")));

        Assert.AreEqual("tests", session.ModelMetadata.ProducerName);
        Assert.AreEqual("graph", session.ModelMetadata.GraphName);
        Assert.AreEqual("a tiny model", session.ModelMetadata.Description);
        Assert.AreEqual(3, session.ModelMetadata.Version);
        Assert.AreEqual("größer", session.ModelMetadata.CustomMetadataMap["task"]);
        Assert.AreEqual("", session.ModelMetadata.CustomMetadataMap["empty"]);
        Assert.HasCount(2, session.ModelMetadata.CustomMetadataMap);

        Assert.AreEqual("float32[...]", session.InputMetadata["x"].ToString());
        Assert.IsFalse(session.InputMetadata["x"].HasShape);
        Assert.AreSequenceEqual(["x"], session.InputNames);
        Assert.AreSequenceEqual(["w"], session.OverridableInitializerNames);
        Assert.AreEqual("float32[]", session.OverridableInitializerMetadata["w"].ToString());
        Assert.AreEqual(OnnxValueType.Sequence, session.OutputMetadata["s"].OnnxValueType);
    }

    [TestMethod]
    public void Overridable_initializer_can_be_given_to_a_run()
    {
        var graph = TinyModel.Graph(
            [TinyModel.Node("Add", ["x", "w"], ["y"])],
            [TinyModel.Value("x", DataType.Float, 1), TinyModel.Value("w", DataType.Float, 1)], [TinyModel.Value("y", DataType.Float, 1)], TinyModel.Tensor("w", [1], 10));
        using var session = new InferenceSession(TinyModel.Model(graph));
        using var x = OrtValue.CreateTensorValueFromMemory([1f], [1]);
        using var w = OrtValue.CreateTensorValueFromMemory([5f], [1]);

        using var own = session.Run(new Dictionary<string, OrtValue> { ["x"] = x });
        using var given = session.Run(new Dictionary<string, OrtValue> { ["x"] = x, ["w"] = w });

        Assert.AreEqual(11, own[0].GetTensorDataAsSpan<float>()[0]);
        Assert.AreEqual(6, given[0].GetTensorDataAsSpan<float>()[0]);
    }

    [TestMethod]
    public void Run_into_given_outputs_allocates_no_managed_memory()
    {
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        float[] x = [10, 20, 30, 40];
        var y = new float[4];
        using var input = OrtValue.CreateTensorValueFromMemory(x, [1, 4]);
        using var output = OrtValue.CreateTensorValueFromMemory(y, [1, 4]);
        string[] inputNames = ["x"], outputNames = ["y"];
        OrtValue[] inputs = [input];
        OrtValue?[] outputs = [output];
        using var cancellation = new CancellationTokenSource();
        for (var warmUp = 0; warmUp < 3; warmUp++)
        {
            session.Run(inputNames, inputs, outputNames, outputs);
            session.Run(inputNames, inputs, outputNames, outputs, cancellationToken: cancellation.Token);
        }

        x[0] = 100; // The tensor is over this very memory
        var before = GC.GetAllocatedBytesForCurrentThread();
        session.Run(inputNames, inputs, outputNames, outputs);
        var plain = GC.GetAllocatedBytesForCurrentThread();
        session.Run(inputNames, inputs, outputNames, outputs, cancellationToken: cancellation.Token);
        var cancellable = GC.GetAllocatedBytesForCurrentThread();

        Assert.AreEqual(0, plain - before);
        Assert.AreEqual(0, cancellable - plain);
        Assert.AreSequenceEqual([101f, 22, 33, 44], y);
        Assert.AreSame(output, outputs[0]);
    }

    [TestMethod]
    public void Run_takes_more_values_than_fit_on_the_stack()
    {
        var names = Enumerable.Range(0, 150).Select(i => $"x{i}").ToArray();
        var graph = TinyModel.Graph([TinyModel.Node("Sum", names, ["y"])], names.Select(name => TinyModel.Value(name, DataType.Float, 1)), [TinyModel.Value("y", DataType.Float, 1)]);
        using var session = new InferenceSession(TinyModel.Model(graph));
        var inputs = names.Select((name, i) => (name, value: OrtValue.CreateTensorValueFromMemory([(float)i], [1]))).ToDictionary(input => input.name, input => input.value);
        using var outputs = session.Run(inputs);

        Assert.AreEqual(150 * 149 / 2, outputs[0].GetTensorDataAsSpan<float>()[0]);
        inputs.DisposeAll();
    }

    [TestMethod]
    public void Session_runs_on_many_threads_at_once()
    {
        using var session = new InferenceSession(Reference.UNet);
        var cases = new[] { Reference.Load("unet2d/io", "sample", "timestep"), Reference.Load("unet2d/io_b3", "sample", "timestep") };

        Parallel.For(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var (inputs, expected, _) = cases[i % 2];
            using var outputs = session.Run(inputs);
            Reference.AssertClose(expected, outputs[0].GetTensorDataAsSpan<float>());
        });
        foreach (var (inputs, _, _) in cases)
        {
            inputs.DisposeAll();
        }
    }

    [TestMethod]
    public void Outputs_outlive_the_session()
    {
        OutputValues outputs;
        using (var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4))))
        using (var x = OrtValue.CreateTensorValueFromMemory(new float[8], [2, 4]))
        {
            outputs = session.Run(new Dictionary<string, OrtValue> { ["x"] = x });
        }

        Assert.AreSequenceEqual([1f, 2, 3, 4, 1, 2, 3, 4], outputs["y"].GetTensorDataAsSpan<float>().ToArray());
        outputs.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => outputs[0].GetTensorDataAsSpan<float>().ToArray());
    }

    [TestMethod]
    public void Profile_is_written()
    {
        using var folder = new TempFolder();
        using var options = new SessionOptions { ProfileOutputPathPrefix = folder.File("profile") };
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)), options);
        using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);
        session.Run(new Dictionary<string, OrtValue> { ["x"] = x }).Dispose();

        var path = session.EndProfiling();

        StringAssert.StartsWith(path, folder.File("profile"));
        StringAssert.Contains(File.ReadAllText(path), "add_kernel_time");
    }

    [TestMethod]
    public void Using_a_disposed_session_is_an_error()
    {
        var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        session.Dispose();
        session.Dispose();
        using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);
        var inputs = new Dictionary<string, OrtValue> { ["x"] = x };

        Assert.ThrowsExactly<ObjectDisposedException>(() => session.Run(inputs));
    }

    [TestMethod]
    public void Missing_file_is_named()
    {
        var exception = Assert.ThrowsExactly<CompressToolException>(() => new InferenceSession("no/such.onnx"));

        Assert.AreSame(OnnxErrors.FileNotFound, exception.Code);
        StringAssert.Contains(exception.Message, Path.GetFullPath("no/such.onnx"));
    }
}
