using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Serialization;

[TestClass]
public sealed class ModelWriterTests
{
    [TestMethod]
    public void Saved_files_are_reported_with_length_and_hash_and_weights_are_aligned()
    {
        using var folder = new TempFolder();
        using var model = ModelWith(Weights("small", 10), Weights("a", 300), Weights("b", 3_000_000), Weights("c", 300));
        var progress = new List<double>();

        var files = model.Save(folder.File("m.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always, Progress = new Recorder(progress) });

        CollectionAssert.AreEqual(new[] { "m.onnx", "m.onnx.data" }, files.Select(file => Path.GetFileName(file.Path)).ToArray());
        foreach (var file in files)
        {
            var bytes = File.ReadAllBytes(file.Path);
            Assert.AreEqual((bytes.LongLength, Convert.ToHexStringLower(SHA256.HashData(bytes))), (file.Length, file.Sha256));
        }

        Assert.HasCount(2, Directory.GetFileSystemEntries(folder.Path));
        using var loaded = Model.Load(folder.File("m.onnx"));
        var data = loaded.Graph.Initializers.ToDictionary(value => value.Name, value => value.Initializer!.Data);
        Assert.IsInstanceOfType<MemoryData>(data["small"]);
        CollectionAssert.AreEqual(new long[] { 0, 65536, 65536 + 12_000_000 + (4096 - (12_000_000 % 4096)) }, new[] { "a", "b", "c" }.Select(name => ((FileData)data[name]).Offset).ToArray());
        CollectionAssert.AreEqual(model.Graph.FindValue("b")!.Initializer!.ToFloats(), loaded.Graph.FindValue("b")!.Initializer!.ToFloats());
        Assert.AreEqual(1, progress[^1]);
        CollectionAssert.AreEqual(progress.Order().ToArray(), progress);
    }

    [TestMethod]
    public void Auto_embeds_up_to_the_limit()
    {
        using var folder = new TempFolder();
        using var model = ModelWith(Weights("a", 1000));

        Assert.HasCount(1, model.Save(folder.File("m.onnx"), new SaveOptions { EmbedLimit = 4000 }));
        Assert.HasCount(2, model.Save(folder.File("m.onnx"), new SaveOptions { EmbedLimit = 3999 }));
    }

    [TestMethod]
    public void A_shared_tensor_is_stored_once()
    {
        using var folder = new TempFolder();
        var tensor = Weights("a", 1_000_000).Tensor;
        using var model = ModelWith(("a", tensor), ("b", tensor));

        model.Save(folder.File("m.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });

        Assert.AreEqual(4_000_000, new FileInfo(folder.File("m.onnx.data")).Length);
    }

    [TestMethod]
    public void Weights_are_referred_to_in_their_files_and_only_others_are_written()
    {
        using var folder = new TempFolder();
        using (var saved = ModelWith(Weights("a", 1000), Weights("b", 3000), Weights("c", 2000)))
        {
            saved.Save(folder.File("m.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });
        }

        using var model = Model.Load(folder.File("m.onnx"));
        model.ToBytes(folder.Path, folder.File("none"));
        Assert.IsFalse(File.Exists(folder.File("none")), "all are in files");

        Graph.ReplaceInitializer(model.Graph.FindValue("b")!, Weights("b", 5000).Tensor);
        model.ToBytes(folder.Path, folder.File("changed"));
        Assert.AreEqual(20_000, new FileInfo(folder.File("changed")).Length);

        var other = Directory.CreateDirectory(folder.File("other")).FullName;
        model.ToBytes(other, Path.Combine(other, "rest"));
        Assert.AreEqual(24_576 + 8000, new FileInfo(Path.Combine(other, "rest")).Length, "what is not below the root cannot be referred to");

        if (!OperatingSystem.IsWindows())
        {
            // As in download caches: the model and its weights are links to files of other names.
            Directory.CreateDirectory(folder.File("cache"));
            File.CreateSymbolicLink(folder.File("cache", "m.onnx"), folder.File("m.onnx"));
            File.CreateSymbolicLink(folder.File("cache", "m.onnx.data"), folder.File("m.onnx.data"));
            using var linked = Model.Load(folder.File("cache", "m.onnx"));
            linked.ToBytes(folder.Path, folder.File("none"));
            Assert.IsFalse(File.Exists(folder.File("none")), "links are followed");
        }

        // What is open stays what it was, and a new file at its path is another one.
        File.Delete(folder.File("m.onnx.data"));
        File.WriteAllBytes(folder.File("m.onnx.data"), new byte[24_384]);
        model.ToBytes(folder.Path, folder.File("all"));
        Assert.AreEqual(24_576 + 8000, new FileInfo(folder.File("all")).Length);
        CollectionAssert.AreEqual(Weights("a", 1000).Tensor.ToFloats(), MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(folder.File("all")).AsSpan(0, 4000)).ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => model.ToBytes(other, folder.File("outside")));
    }

    [TestMethod]
    [DataRow(ExternalDataMode.Never)]
    [DataRow(ExternalDataMode.Always)]
    public void A_model_is_saved_over_the_files_it_was_loaded_from(ExternalDataMode mode)
    {
        using var folder = new TempFolder();
        var path = folder.File("m.onnx");
        using var original = ModelWith(Weights("a", 100_000), Weights("b", 100_000));
        original.Save(path, new SaveOptions { ExternalData = mode });
        using var model = Model.Load(path);
        var (a, b) = (model.Graph.Initializers[0], model.Graph.Initializers[1]);
        Graph.ReplaceInitializer(a, b.Initializer!);
        Graph.ReplaceInitializer(b, original.Graph.Initializers[0].Initializer!);

        if (OperatingSystem.IsWindows())
        {
            // There the file is in use; nothing may change then.
            Assert.AreEqual(OnnxErrors.WriteFailed, Assert.ThrowsExactly<CompressToolException>(() => model.Save(path, new SaveOptions { ExternalData = mode })).Code);
            return;
        }

        model.Save(path, new SaveOptions { ExternalData = mode });
        model.Save(path, new SaveOptions { ExternalData = mode });

        using var loaded = Model.Load(path);
        Assert.IsTrue(loaded.Graph.FindValue("a")!.Initializer!.ToFloats().AsSpan().SequenceEqual(original.Graph.FindValue("b")!.Initializer!.ToFloats()));
        Assert.IsTrue(loaded.Graph.FindValue("b")!.Initializer!.ToFloats().AsSpan().SequenceEqual(original.Graph.FindValue("a")!.Initializer!.ToFloats()));
    }

    [TestMethod]
    [DataRow(ExternalDataMode.Never)]
    [DataRow(ExternalDataMode.Always)]
    public void Cancelling_in_the_middle_leaves_the_old_files_and_nothing_else(ExternalDataMode mode)
    {
        using var cancel = new CancellationTokenSource();
        ExpectUnchanged<OperationCanceledException>(mode, (offset, _) =>
        {
            if (offset > 1_500_000)
            {
                cancel.Cancel();
            }
        }, cancel.Token);
    }

    [TestMethod]
    [DataRow(ExternalDataMode.Never)]
    [DataRow(ExternalDataMode.Always)]
    public void A_failing_disk_leaves_the_old_files_and_nothing_else(ExternalDataMode mode)
    {
        var error = ExpectUnchanged<CompressToolException>(mode, (offset, _) =>
        {
            if (offset > 1_500_000)
            {
                throw new IOException("No space left on device");
            }
        }, CancellationToken.None);

        Assert.AreEqual(OnnxErrors.WriteFailed, error.Code);
        StringAssert.Contains(error.Message, "No space left on device");
    }

    [TestMethod]
    public void A_disk_too_small_is_found_before_anything_is_computed()
    {
        using var folder = new TempFolder();
        using var model = ModelWith(("a", new Tensor(DataType.UInt8, [1L << 50], new HookedData(1L << 50, (offset, count) => throw new InvalidOperationException($"{count} bytes were read at {offset}")))));

        try
        {
            var error = Assert.Throws<Exception>(() => model.Save(folder.File("m.onnx")));

            // File systems that cannot reserve space show a full disk later.
            Assert.IsTrue(error is CompressToolException { Code.Id: "CMP2008" } or InvalidOperationException, error.ToString());
            if (OperatingSystem.IsLinux() && new DriveInfo(folder.Path).DriveFormat is "ext4" or "ext3" or "xfs" or "tmpfs")
            {
                Assert.IsInstanceOfType<CompressToolException>(error);
            }
        }
        finally
        {
            Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
        }
    }

    [TestMethod]
    public void Places_that_cannot_be_written_are_reported()
    {
        using var folder = new TempFolder();
        using var model = ModelWith(Weights("a", 1000));
        Directory.CreateDirectory(folder.File("folder.onnx"));

        Expect(folder.File("folder.onnx"), "it is a folder");
        Expect(Path.Combine(folder.Path, "absent", "m.onnx"), "absent");
        Expect(Path.Combine(folder.Write("file", ""), "m.onnx"), "file");
        if (!OperatingSystem.IsWindows())
        {
            Expect(folder.File("a:b.onnx"), "without ':'", ExternalDataMode.Always);
        }

        void Expect(string path, string message, ExternalDataMode mode = ExternalDataMode.Auto)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => model.Save(path, new SaveOptions { ExternalData = mode }));
            Assert.AreEqual(OnnxErrors.WriteFailed, error.Code);
            StringAssert.Contains(error.Message, path);
            StringAssert.Contains(error.Message, message);
        }
    }

    [TestMethod]
    public void Models_that_no_file_can_hold_are_refused()
    {
        using var folder = new TempFolder();
        using var model = ModelWith(("a", new Tensor(DataType.UInt8, [1L << 31], new HookedData(1L << 31, (_, _) => { }))));

        var error = Assert.ThrowsExactly<CompressToolException>(() => model.Save(folder.File("m.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Never }));
        Assert.AreEqual(OnnxErrors.WriteFailed, error.Code);
        StringAssert.Contains(error.Message, "2 GiB");
        Assert.AreEqual(OnnxErrors.WriteFailed, Assert.ThrowsExactly<CompressToolException>(model.ToBytes).Code);
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
    }

    [TestMethod]
    public void Wrong_graphs_are_not_saved()
    {
        Expect("two values of the graph are named 'x'", graph => graph.AddInitializer(new Value("x") { Initializer = Tensor.Float(1) }));
        Expect("'stranger', used by the node 'n'", graph => graph.Add(new Node("Abs", [new Value("stranger")], [new Value("z")], "n")));
        Expect("'stranger', used by the graph as an output", graph => graph.Outputs.Add(new Value("stranger")));
        Expect("is hidden by another of that name", graph => graph.Add(new Node("Neg", [new Value("x")], [new Value("z")])));
        Expect("has no name", graph => graph.Add(new Node("Neg", [graph.Inputs[0]], [new Value("")])));
        Expect("has no name", graph => graph.AddInput(new Value("")));
        Expect("has no constant", graph => graph.AddInitializer("c", Tensor.Float(1)).Initializer = null);
        Expect("'late', used by the node 'early', is not given or computed before", graph =>
        {
            var late = graph.AddNode(null, "Abs", "late", [graph.Inputs[0]]);
            graph.InsertBefore(late.Producer!, new Node("Neg", [late], [new Value("z")], "early"));
        });
        Expect("hides a value of an outer graph", graph =>
        {
            var body = new Graph();
            body.Add(new Node("Abs", [graph.Inputs[0]], [new Value("inner")]));
            body.Add(new Node("Neg", [body.Nodes[0].Output(0)], [new Value("x")]));
            graph.Add(new Node("If", [], [new Value("z")], attributes: new Attribute("then_branch", AttributeKind.Graph, body)));
        });

        static void Expect(string message, Action<Graph> edit)
        {
            using var folder = new TempFolder();
            using var model = ModelWith();
            model.ToBytes();
            edit(model.Graph);
            var error = Assert.ThrowsExactly<CompressToolException>(() => model.Save(folder.File("m.onnx")));
            Assert.AreEqual(OnnxErrors.InvalidGraph, error.Code);
            StringAssert.Contains(error.Message, message);
            Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
        }
    }

    [TestMethod]
    [TestCategory("Large")]
    public void More_than_2_GiB_of_weights_are_streamed()
    {
        // A sparse file stands for the weights, so only the copy takes space.
        using var folder = new TempFolder();
        const long Length = (1L << 31) + (64 << 20);
        if (new DriveInfo(folder.Path).AvailableFreeSpace < 2 * Length)
        {
            Assert.Inconclusive("Too little free space.");
        }

        var source = folder.File("source.bin");
        using (var stream = File.Create(source))
        {
            stream.SetLength(Length);
            stream.Seek(-1, SeekOrigin.End);
            stream.WriteByte(77);
        }

        using var file = MappedFile.Open(source);
        using var model = ModelWith(("huge", new Tensor(DataType.UInt8, [Length], new ChunkedData(new FileData(file, 0, Length), 1, 1, (_, input, output) => input.CopyTo(output)))));
        var before = GC.GetAllocatedBytesForCurrentThread();

        model.Save(folder.File("m.onnx"));

        Assert.IsLessThan(64 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
        using var loaded = Model.Load(folder.File("m.onnx"));
        var data = loaded.Graph.FindValue("huge")!.Initializer!.Data;
        var last = new byte[1];
        data.Read(Length - 1, last);
        using var view = data.View();
        Assert.AreEqual((Length, 77, 77), (data.Length, last[0], view.Slice(Length - 1, 1)[0]));
        Assert.ThrowsExactly<OverflowException>(() => view.Span.Length);
    }

    private static T ExpectUnchanged<T>(ExternalDataMode mode, Action<long, int> onRead, CancellationToken cancellationToken)
        where T : Exception
    {
        using var folder = new TempFolder();
        var path = folder.File("m.onnx");
        using var old = ModelWith(Weights("old", 1000));
        old.Save(path, new SaveOptions { ExternalData = mode }, CancellationToken.None);
        var before = Directory.GetFiles(folder.Path).Order().ToDictionary(file => file, File.ReadAllBytes);
        using var model = ModelWith(Weights("first", 1000), ("a", new Tensor(DataType.UInt8, [5_000_000], new HookedData(5_000_000, onRead))));

        var error = Assert.ThrowsExactly<T>(() => model.Save(path, new SaveOptions { ExternalData = mode }, cancellationToken));

        CollectionAssert.AreEqual(before.Keys, Directory.GetFileSystemEntries(folder.Path).Order().ToArray());
        foreach (var (file, bytes) in before)
        {
            CollectionAssert.AreEqual(bytes, File.ReadAllBytes(file));
        }

        return error;
    }

    private static (string Name, Tensor Tensor) Weights(string name, int count) =>
        (name, Tensor.Floats([count], [.. Enumerable.Range(name[0], count).Select(index => (float)index)]));

    private static Model ModelWith(params (string Name, Tensor Tensor)[] weights)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        model.Graph.AddInput(new Value("x", new TensorType(DataType.Float, Shape.Scalar)));
        foreach (var (name, tensor) in weights)
        {
            model.Graph.AddInitializer(name, tensor);
        }

        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Abs", "y", [model.Graph.Inputs[0]]));
        return model;
    }

    private sealed class Recorder(List<double> values) : IProgress<double>
    {
        public void Report(double value) => values.Add(value);
    }

    /// <summary>Zeros, and a say in every reading of them.</summary>
    private sealed class HookedData(long length, Action<long, int> onRead) : TensorData
    {
        public override long Length => length;

        public override void Read(long offset, Span<byte> destination)
        {
            onRead(offset, destination.Length);
            destination.Clear();
        }

        public override TensorView View() => throw new NotSupportedException();
    }
}
