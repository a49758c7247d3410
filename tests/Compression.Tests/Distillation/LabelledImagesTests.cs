using System.Text.Json.Nodes;
using CompressTool.Compression.Data;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Distillation;

/// <summary>Training of models that take class labels.</summary>
[TestClass]
public sealed class LabelledImagesTests
{
    private const int Count = 30;

    /// <summary>
    /// The model gives an embedding of its class, whatever the sample: trained to predict clean images of one grey for each
    /// class, it must learn these greys, and their mean for no class.
    /// </summary>
    [TestMethod]
    public void Labels_reach_the_model_and_dropped_ones_are_of_no_class()
    {
        using var folder = new TempFolder();
        var options = Options(folder, new TrainingData { LabelDropout = 0.25 }) with
        {
            Noise = new NoiseOptions { Prediction = Prediction.Sample },
            Steps = 400,
            Batch = Count,
            LearningRate = 0.05,
            Schedule = RateSchedule.Cosine,
        };
        using var model = ClassModel.Create(4);

        Run(model, options);

        var table = model.Graph.Initializers.Single(value => value.Name == "embedding").Initializer!.ToArray<float>();
        float[] expected = [-1, -0.2f, 1, -0.0667f];
        for (var label = 0; label < 4; label++)
        {
            Assert.AreEqual(expected[label], table[label * 4], label == 3 ? 0.1f : 0.01f, $"class {label}");
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Images_get_the_size_that_is_given_where_the_model_leaves_it_open(bool isFloat)
    {
        using var folder = new TempFolder();
        using var model = ClassModel.Create(4);
        model.Graph.Inputs[0].Type = new TensorType(DataType.Float, new Shape(new Dim("batch"), 1, new Dim("height"), new Dim("width")));
        var options = Options(folder, new TrainingData { Size = [4] });
        NpyFile.Write(options.Data.Images!.FullPath, isFloat ? Tensor.Floats([Count, 2, 2], Enumerable.Repeat(1f, Count * 4).ToArray()) : Tensor.Create<byte>(DataType.UInt8, [Count, 2, 2], [.. Enumerable.Repeat((byte)255, Count * 4)]));

        var (source, _) = NoisyImages.OpenClean(model, options, _ => throw new InvalidOperationException());
        using var batch = source.Read(1, 0, CancellationToken.None);
        var sample = batch.Arrays["sample"];

        CollectionAssert.AreEqual(new long[] { options.Batch, 1, 4, 4 }, sample.Dims.ToArray());
        CollectionAssert.AreEqual(new float[] { -1, -1, -1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, -1, -1, -1 }, sample.AsSpan<float>()[..16].ToArray(), "white in the middle of black");
    }

    [TestMethod]
    public void Dropout_is_a_function_of_seed_step_and_sample()
    {
        using var folder = new TempFolder();
        using var model = ClassModel.Create(4, DataType.Int32);
        var source = NoisyImages.Open(model, Options(folder, new TrainingData { LabelDropout = 0.5 }), _ => throw new InvalidOperationException());
        var dropped = 0;
        for (var step = 0; step < 40; step++)
        {
            using var batch = source.Read(9, step, CancellationToken.None);
            using var again = source.Read(9, step, CancellationToken.None);
            var labels = batch.Arrays["class_labels"].AsSpan<int>().ToArray();
            CollectionAssert.AreEqual(labels, again.Arrays["class_labels"].AsSpan<int>().ToArray());
            dropped += labels.Count(label => label == 3);
            Assert.IsTrue(labels.All(label => label is >= 0 and <= 3));
        }

        Assert.IsInRange(120, 200, dropped, "of 320");
        CollectionAssert.Contains(source.Describe().ToArray(), KeyValuePair.Create("label dropout", "0.5 to 3"));
    }

    [TestMethod]
    [DataRow("none", "CMP4005", "the model takes 'class_labels'", "data.labels")]
    [DataRow("count", "CMP8204", "has 29 labels, and there are 30 images", "data.labels")]
    [DataRow("type", "CMP8204", "is float32[30]; labels are whole numbers", "data.labels")]
    [DataRow("range", "CMP4005", "image 29 has the label 4, and the model has the classes 0 to 3", "data.labels")]
    [DataRow("dropout", "CMP4005", "the label of no class would be 3, and the model has embeddings for 0 to 2", "data.label-dropout")]
    [DataRow("null", "CMP4005", "the label of no class would be 7", "data.null-label")]
    [DataRow("unlabelled", "CMP4005", "the model takes no labels", "data.labels")]
    public void What_does_not_fit_is_named(string mistake, string code, string text, string path)
    {
        using var folder = new TempFolder();
        var data = mistake switch { "dropout" => new TrainingData { LabelDropout = 0.1 }, "null" => new TrainingData { LabelDropout = 0.1, NullLabel = 7 }, _ => new TrainingData() };
        var options = Options(folder, data);
        switch (mistake)
        {
            case "none": options = options with { Data = options.Data with { Labels = null } }; break;
            case "count": NpyFile.Write(options.Data.Labels!.FullPath, Tensor.Int64s(new long[29])); break;
            case "type": NpyFile.Write(options.Data.Labels!.FullPath, Tensor.Floats([30], new float[30])); break;
            case "range": NpyFile.Write(options.Data.Labels!.FullPath, Tensor.Int64s([.. new long[29], 4])); break;
        }

        using var model = mistake == "unlabelled" ? Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx")) : ClassModel.Create(mistake == "dropout" ? 3 : 4);
        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(model, options));

        Assert.AreEqual(code, error.Code.Id);
        Assert.Contains(text, error.Message);
        Assert.AreEqual(path, error.OptionPath);
    }

    [TestMethod]
    public void Drawn_images_bring_labels_and_a_place_for_no_class()
    {
        using var model = ClassModel.Create(11, DataType.Int64, 3, 8);
        var options = new FinetuneOptions { Data = new TrainingData { Shapes = new ShapesOptions { Count = 20, Seed = 4 }, LabelDropout = 0.5 }, Steps = 1, Batch = 20 };

        using var batch = NoisyImages.Open(model, options, _ => throw new InvalidOperationException()).Read(1, 0, CancellationToken.None);

        var labels = batch.Arrays["class_labels"].AsSpan<long>().ToArray();
        Assert.IsTrue(labels.Contains(10) && labels.Any(label => label < 10));
        CollectionAssert.AreEqual(new long[] { 20, 3, 8, 8 }, batch.Arrays["sample"].Dims.ToArray());
    }

    private static JsonObject Run(Model model, FinetuneOptions options) => ((IStage)new FinetuneStage()).Run(model, options, new StageContext { Seed = 3 }).Metrics;

    /// <summary>Images of 2 x 2 pixels: black for class 0, 40 % for class 1, white for class 2, ten of each.</summary>
    private static FinetuneOptions Options(TempFolder folder, TrainingData data)
    {
        byte[] greys = [0, 102, 255];
        NpyFile.Write(folder.File("images.npy"), Tensor.Create<byte>(DataType.UInt8, [Count, 2, 2], [.. Enumerable.Range(0, Count * 4).Select(i => greys[i / 4 % 3])]));
        NpyFile.Write(folder.File("labels.npy"), Tensor.Create<byte>(DataType.UInt8, [Count], [.. Enumerable.Range(0, Count).Select(i => (byte)(i % 3))]));
        return new FinetuneOptions
        {
            Data = data with { Images = new RecipeFiles("images.npy", folder.File("images.npy")), Labels = new RecipePath("labels.npy", folder.File("labels.npy")) },
            Steps = 2,
            Batch = 8,
        };
    }
}
