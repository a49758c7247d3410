using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;
using CompressTool.Training.Tests.Optimization;

namespace CompressTool.Training.Tests.Loop;

/// <summary>Checkpoints that are written while the training goes on.</summary>
[TestClass]
public sealed class CheckpointWriterTests
{
    [TestMethod]
    public void What_is_written_is_the_training_as_it_was()
    {
        using var folder = new TempFolder();
        using var parameters = Toy.Parameters();
        using var optimizer = new AdamWOptions().Create(parameters);
        var checkpoint = new Checkpoint(optimizer, null, []);
        using var writer = new CheckpointWriter(new CheckpointFolder(folder.Path, 100, checkpoint), checkpoint);
        var expected = new List<byte[]>();
        for (var step = 1; step <= 20; step++)
        {
            Toy.FillGradients(parameters, new System.Random(step));
            optimizer.Step(0.1);
            expected.Add(Toy.Bytes(parameters.Values));
            writer.Begin(new LoopState(step, default, new LossScale(1, 0)));
        }

        writer.Finish();

        for (var step = 1; step <= 20; step++)
        {
            checkpoint.Read(folder.File($"checkpoint-{step:d10}.safetensors"), step);
            CollectionAssert.AreEqual(expected[step - 1], Toy.Bytes(parameters.Values), $"step {step}");
        }
    }

    [TestMethod]
    public void A_failed_write_is_told_at_the_next_occasion_and_once()
    {
        using var folder = new TempFolder();
        using var parameters = Toy.Parameters();
        using var optimizer = new SgdOptions().Create(parameters);
        var checkpoint = new Checkpoint(optimizer, null, []);
        using var writer = new CheckpointWriter(new CheckpointFolder(folder.Write("a file", ""), 1, checkpoint), checkpoint);
        CompressToolException Begun(Action then)
        {
            writer.Begin(new LoopState(1, default, new LossScale(1, 0)));
            return Assert.ThrowsExactly<CompressToolException>(then);
        }

        Assert.AreEqual(OnnxErrors.WriteFailed, Begun(() => writer.Begin(new LoopState(2, default, new LossScale(1, 0)))).Code);
        Assert.AreEqual(OnnxErrors.WriteFailed, Begun(writer.Finish).Code);
        Assert.AreEqual(OnnxErrors.WriteFailed, Begun(() => SpinWait.SpinUntil(() => { writer.ThrowIfFailed(); return false; }, TimeSpan.FromSeconds(30))).Code);
        writer.ThrowIfFailed();
        writer.Finish();
    }
}
