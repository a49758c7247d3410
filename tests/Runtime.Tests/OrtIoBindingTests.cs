using System.Runtime.CompilerServices;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class OrtIoBindingTests
{
    [TestMethod]
    public void Bound_run_gives_the_reference_outputs()
    {
        var (inputs, expected, shape) = Reference.Load("unet2d/io", "sample", "timestep");
        using var session = new InferenceSession(Reference.UNet);
        using var binding = session.CreateIoBinding();
        var memory = new float[expected.Length];
        using var output = OrtValue.CreateTensorValueFromMemory(memory, shape);
        foreach (var (name, value) in inputs)
        {
            binding.BindInput(name, value);
            value.Dispose(); // The binding keeps it
        }

        binding.BindOutput("out_sample", output);
        binding.SynchronizeBoundInputs();
        session.RunWithBinding(binding);
        binding.SynchronizeBoundOutputs();

        Reference.AssertClose(expected, memory);
    }

    [TestMethod]
    public void Output_bound_to_a_device_is_allocated_by_each_run()
    {
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        using var binding = session.CreateIoBinding();
        binding.BindOutputToDevice("y", OrtMemoryInfo.Cpu);
        var results = new List<nint>();
        var kept = new List<IDisposable>();
        foreach (var rows in new[] { 1, 3, 3 })
        {
            using var x = OrtValue.CreateTensorValueFromMemory(new float[4 * rows], [rows, 4]);
            binding.BindInput("x", x);
            session.RunWithBinding(binding);
            var outputs = binding.GetOutputValues();
            kept.Add(outputs);

            Assert.AreSequenceEqual([(long)rows, 4], outputs["y"].Shape);
            Assert.AreEqual(4, outputs["y"].GetTensorDataAsSpan<float>()[(4 * rows) - 1]);
            results.Add(outputs["y"].DataPointer);
        }

        Assert.AreEqual(3, results.Distinct().Count());

        Assert.AreSequenceEqual(["y"], binding.GetOutputNames());
        kept.ForEach(outputs => outputs.Dispose());
    }

    [TestMethod]
    public void Output_values_keep_bound_memory_alive()
    {
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        var weak = Run(session, out var outputs);
        GC.Collect();

        Assert.IsTrue(weak.IsAlive);
        Assert.AreSequenceEqual([1f, 2, 3, 4], Read(outputs));
        outputs.Dispose();
        GC.Collect();
        Assert.IsFalse(weak.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Run(InferenceSession session, out OutputValues outputs)
        {
            var memory = new float[4];
            using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);
            using var y = OrtValue.CreateTensorValueFromMemory(memory, [1, 4]);
            using var binding = session.CreateIoBinding();
            binding.BindInput("x", x);
            binding.BindOutput("y", y);
            session.RunWithBinding(binding);
            outputs = binding.GetOutputValues();
            return new WeakReference(memory);
        }

        // Not in line: a span left on the stack would keep the memory alive too.
        [MethodImpl(MethodImplOptions.NoInlining)]
        static float[] Read(OutputValues outputs) => outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    [TestMethod]
    public void Cleared_binding_lets_values_go()
    {
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        using var binding = session.CreateIoBinding();
        var weak = Bind(binding);
        GC.Collect();
        Assert.IsTrue(weak.IsAlive);

        binding.ClearBoundInputs();
        binding.ClearBoundOutputs();
        GC.Collect();

        Assert.IsFalse(weak.IsAlive);
        Assert.IsEmpty(binding.GetOutputNames());
        Assert.IsEmpty(binding.GetOutputValues());

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Bind(OrtIoBinding binding)
        {
            var memory = new float[4];
            using var value = OrtValue.CreateTensorValueFromMemory(memory, [1, 4]);
            binding.BindInput("x", value);
            binding.BindInput("x", value);
            binding.BindOutput("y", value);
            return new WeakReference(memory);
        }
    }

    [TestMethod]
    public void Unknown_name_is_invalid_input()
    {
        using var session = new InferenceSession(TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4)));
        using var binding = session.CreateIoBinding();
        using var value = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);

        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.Throws<CompressToolException>(() => binding.BindInput("z", value)).Code);
        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.Throws<CompressToolException>(() => binding.BindOutput("z", value)).Code);
    }
}
