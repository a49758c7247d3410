using System.Runtime.InteropServices;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class SessionOptionsTests
{
    private static readonly byte[] s_external = TinyModel.Add(TinyModel.External("w", [4], "weights.bin", 8, 16));

    [TestMethod]
    public void External_initializers_come_from_values()
    {
        using var w = OrtValue.CreateTensorValueFromMemory([1f, 2, 3, 4], [4]);
        using var options = new SessionOptions();
        options.AddExternalInitializers(new Dictionary<string, OrtValue> { ["w"] = w });

        Assert.AreSequenceEqual([1f, 2, 3, 4], RunOnZeros(s_external, options));
    }

    [TestMethod]
    public void External_initializers_come_from_files_in_memory()
    {
        float[] file = [0, 0, 1, 2, 3, 4];
        using var options = new SessionOptions();
        options.AddExternalInitializersFromFilesInMemory("weights.bin", MemoryMarshal.AsBytes(file.AsSpan()).ToArray());

        Assert.AreSequenceEqual([1f, 2, 3, 4], RunOnZeros(s_external, options));
    }

    [TestMethod]
    public void External_initializers_come_from_the_file_beside_the_model()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("ünïcode", "weights.bin"), MemoryMarshal.AsBytes<float>([0, 0, 1, 2, 3, 4]).ToArray());
        var model = folder.File("ünïcode", "model.onnx");
        File.WriteAllBytes(model, s_external);
        using var session = new InferenceSession(model);

        Assert.AreSequenceEqual([1f, 2, 3, 4], RunOnZeros(session));
    }

    [TestMethod]
    public void External_initializer_of_another_shape_is_refused()
    {
        using var w = OrtValue.CreateTensorValueFromMemory([1f, 2], [2]);
        using var options = new SessionOptions();
        options.AddExternalInitializers(new Dictionary<string, OrtValue> { ["w"] = w });

        Assert.AreSame(RuntimeErrors.ModelRefused, Assert.Throws<CompressToolException>(() => new InferenceSession(s_external, options)).Code);
    }

    [TestMethod]
    public void Shared_initializer_is_used_in_place_and_kept_by_the_session()
    {
        float[] weights = [5, 6, 7, 8];
        var sessions = new List<InferenceSession>();
        using (var w = OrtValue.CreateTensorValueFromMemory(weights, [4]))
        using (var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.DisableAll })
        {
            options.AddInitializer("w", w);
            options.AddSessionConfigEntry("session.disable_prepacking", "1");
            sessions.Add(new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)), options));
            sessions.Add(new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)), options));
        }

        GC.Collect();
        foreach (var session in sessions)
        {
            Assert.AreSequenceEqual([5f, 6, 7, 8], RunOnZeros(session));
            session.Dispose();
        }
    }

    [TestMethod]
    public void Optimized_model_is_saved_and_runs()
    {
        using var folder = new TempFolder();
        var path = folder.File("optimized.onnx");
        var (inputs, expected, _) = Reference.Load("unet2d-cifarstyle/io", "sample", "timestep");
        using (var options = new SessionOptions { OptimizedModelFilePath = path, GraphOptimizationLevel = GraphOptimizationLevel.Basic })
        {
            new InferenceSession(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), options).Dispose();
        }

        using var session = new InferenceSession(path);
        using var outputs = session.Run(inputs);

        Reference.AssertClose(expected, outputs[0].GetTensorDataAsSpan<float>());
        inputs.DisposeAll();
    }

    [TestMethod]
    public void Symbolic_dimension_can_be_fixed()
    {
        using var options = new SessionOptions();
        options.AddFreeDimensionOverrideByName("batch", 3);
        using var session = new InferenceSession(Reference.UNet, options);

        Assert.AreEqual("float32[3,3,32,32]", session.InputMetadata["sample"].ToString());
    }

    [TestMethod]
    [DataRow("CPU")]
    [DataRow("cpu")]
    [DataRow("CPUExecutionProvider")]
    public void Cpu_provider_is_always_there(string name)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, DeterministicCompute = true, LogId = "test", LogSeverityLevel = OrtLoggingLevel.Error };
        options.AppendExecutionProvider(name);

        Assert.AreSequenceEqual([1f, 2, 3, 4], RunOnZeros(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)), options));
    }

    [TestMethod]
    public void Unknown_provider_is_an_error_that_lists_the_providers()
    {
        using var options = new SessionOptions();

        var exception = Assert.ThrowsExactly<CompressToolException>(() => options.AppendExecutionProvider("abacus"));

        Assert.AreSame(RuntimeErrors.ProviderNotAvailable, exception.Code);
        StringAssert.Contains(exception.Message, "'abacus'");
        StringAssert.Contains(exception.Message, "CPU");
    }

    [TestMethod]
    public void Provider_that_cannot_start_is_an_error()
    {
        // Built in or not, CUDA and TensorRT cannot start where their own libraries are missing; where they can, there is nothing to see.
        foreach (var provider in new[] { "CUDA", "TensorRT" })
        {
            using var options = new SessionOptions();
            try
            {
                options.AppendExecutionProvider(provider, new Dictionary<string, string> { ["device_id"] = "0" });
            }
            catch (CompressToolException exception)
            {
                Assert.AreSame(RuntimeErrors.ProviderNotAvailable, exception.Code);
            }
        }
    }

    [TestMethod]
    public void Unknown_config_value_and_bad_counts_are_errors()
    {
        using var options = new SessionOptions();

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => options.IntraOpNumThreads = -1);
        Assert.Throws<CompressToolException>(() => options.AddSessionConfigEntry("", "1"));
        Assert.Throws<ArgumentException>(() => options.AddSessionConfigEntry("a\0b", "1"));
    }

    private static float[] RunOnZeros(byte[] model, SessionOptions options)
    {
        using var session = new InferenceSession(model, options);
        return RunOnZeros(session);
    }

    private static float[] RunOnZeros(InferenceSession session)
    {
        using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);
        using var outputs = session.Run(new Dictionary<string, OrtValue> { ["x"] = x });
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
