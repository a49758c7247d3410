using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Diffusion.Metrics;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Tests.Metrics;

[TestClass]
public sealed class FeatureExtractorTests
{
    private const int Count = 200;

    [TestMethod]
    public void Our_features_put_damaged_images_in_the_order_of_their_damage()
    {
        using var features = FeatureExtractor.OpenDefault(new OnnxRuntimeEngine());
        var (first, second) = (Draw(1), Draw(2));
        var reference = FeatureStatistics.Of(features.Extract(first));
        double Distance(Func<Picture, Picture> damage) => FrechetDistance.Between(reference, FeatureStatistics.Of(features.Extract([.. second.Select(damage)])));

        var (same, noisy, noisier) = (Distance(picture => picture), Distance(picture => Noisy(picture, 60)), Distance(picture => Noisy(picture, 120)));
        var (blurred, moreBlurred) = (Distance(picture => Shrunk(picture, 16)), Distance(picture => Shrunk(picture, 8)));
        var oneClass = FrechetDistance.Between(reference, FeatureStatistics.Of(features.Extract([.. Enumerable.Range(0, Count / 4).Select(i => second[i * 10 % Count])])));
        var figures = $"same {same}, noise {noisy}, {noisier}, blur {blurred}, {moreBlurred}, one class {oneClass}";

        Assert.AreEqual("shapes", features.Name);
        Assert.IsGreaterThan(1.5 * same, noisy, figures);
        Assert.IsGreaterThan(1.5 * noisy, noisier, figures);
        Assert.IsGreaterThan(1.5 * same, blurred, figures);
        Assert.IsGreaterThan(1.5 * blurred, moreBlurred, figures);
        Assert.IsGreaterThan(5 * same, oneClass, figures);
    }

    [TestMethod]
    public void Pictures_are_scaled_and_normalised_for_the_model()
    {
        using var folder = new TempFolder();
        var path = Save(folder, 3, 2, 2, x => x * 1, "features");
        using var features = FeatureExtractor.Open(new OnnxRuntimeEngine(), path, new ImageModelOptions { Mean = [0, 0.5, 1], Deviation = [1, 0.5, 2] });

        // A picture of 1 x 1 becomes 2 x 2; the mean over places of [N,3,2,2] are 3 numbers.
        var rows = features.Extract([new Picture(1, 1, 3, [51, 255, 102]), new Picture(4, 4, 1)]);

        Assert.AreEqual((2, 3), (rows.Count, rows.Dimensions));
        AssertClose([0.2f, 1f, -0.3f], rows[0]);
        AssertClose([0, -1, -0.5f], rows[1]);
        Assert.AreEqual("model", features.Name);
    }

    [TestMethod]
    public void Models_of_fixed_batch_see_all_pictures()
    {
        using var folder = new TempFolder();
        var path = Save(folder, 1, 4, 4, x => x.Mean([1, 2, 3]), "features", batch: 4);
        using var features = FeatureExtractor.Open(new OnnxRuntimeEngine(), path, new ImageModelOptions { Mean = [0], Deviation = [1.0 / 255] });

        var rows = features.Extract([.. Enumerable.Range(0, 7).Select(i => new Picture(4, 4, 1, [.. Enumerable.Repeat((byte)i, 16)]))]);

        Assert.AreEqual((7, 1), (rows.Count, rows.Dimensions));
        for (var i = 0; i < 7; i++)
        {
            Assert.AreEqual(i, rows[i][0], 1e-4f);
        }
    }

    [TestMethod]
    public void Unsuitable_models_are_refused()
    {
        using var folder = new TempFolder();
        var engine = new OnnxRuntimeEngine();
        Fails("it must take one float32 [N,C,H,W] with 1 or 3 channels", () => FeatureExtractor.Open(engine, Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"), new ImageModelOptions()));
        Fails("it has no float32 output 'featurs'; did you mean 'features'?", () => FeatureExtractor.Open(engine, Save(folder, 3, 2, 2, x => x * 1, "features"), new ImageModelOptions { Output = "featurs" }));
        Fails("it must take 2 float32", () => new PerceptualDistance(engine, Save(folder, 3, 2, 2, x => x * 1, "features")).Dispose());
    }

    [TestMethod]
    public void Perceptual_distance_is_that_of_the_given_model()
    {
        using var folder = new TempFolder();
        var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        var shape = new Shape(new Dim("n"), 3, new Dim("h"), new Dim("w"));
        var (a, b) = (builder.Input("in0", DataType.Float, shape), builder.Input("in1", DataType.Float, shape));
        builder.AddOutput("distance", builder.Node("ReduceMean", [builder.Node("GlobalAveragePool", [(a - b).Square()])], Attribute.Ints("axes", [1])));
        model.Save(folder.File("lpips.onnx"));
        using var lpips = new PerceptualDistance(new OnnxRuntimeEngine(), folder.File("lpips.onnx"));

        Picture[] black = [new(2, 2, 3), new(2, 2, 3)];
        Picture[] others = [new(2, 2, 3), new(2, 2, 3, [.. Enumerable.Repeat((byte)255, 12)])];

        var estimate = lpips.Measure(black, others);
        Assert.AreEqual(2, estimate.Value, 1e-6, "the mean of 0 and of 2²");
        Assert.AreEqual(2, estimate.Count);
    }

    [TestMethod]
    public void Clip_score_is_the_cosine_of_embeddings()
    {
        using var folder = new TempFolder();
        using var score = new ClipScore(new OnnxRuntimeEngine(), Save(folder, 3, null, null, x => x * 1, "image_embeds"));

        // The mean colours as CLIP normalises them are the embedding.
        double[] white = [(1 - 0.48145466) / 0.26862954, (1 - 0.4578275) / 0.26130258, (1 - 0.40821073) / 0.27577711];
        var texts = FeatureSet.Of([[.. white.Select(x => (float)(3 * x))], [.. white.Select(x => (float)-x)]]);
        var picture = new Picture(4, 2, 3, [.. Enumerable.Repeat((byte)255, 24)]);

        Assert.AreEqual(0, score.Measure([picture, picture], texts).Value, 1e-6);
        Assert.AreEqual(1, score.Measure([picture], FeatureSet.Of([texts[0].ToArray()])).Value, 1e-6);
        Assert.AreEqual(DiffusionErrors.InvalidMetric, Assert.ThrowsExactly<CompressToolException>(() => score.Measure([picture], texts)).Code);
    }

    private static string Save(TempFolder folder, int channels, int? height, int? width, Func<Expr, Expr> make, string output, int? batch = null)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        Dim Size(int? size, string name) => size is { } number ? number : new Dim(name);
        builder.AddOutput(output, make(builder.Input("images", DataType.Float, new Shape(Size(batch, "n"), channels, Size(height, "h"), Size(width, "w")))));
        model.Save(folder.File("model.onnx"));
        return folder.File("model.onnx");
    }

    private static Picture[] Draw(ulong seed) => [.. Enumerable.Range(0, Count).Select(i => new ShapeImages(seed).Draw(i))];

    private static Picture Noisy(Picture picture, int size)
    {
        var random = new Random(picture.Pixels[0]);
        return new Picture(picture.Width, picture.Height, 3, [.. picture.Pixels.Select(value => (byte)Math.Clamp(value + random.Next(-size, size + 1), 0, 255))]);
    }

    private static Picture Shrunk(Picture picture, int side) => picture.Resize(side, side, ResizeFilter.Area).Resize(picture.Width, picture.Height, ResizeFilter.Bilinear);

    private static void AssertClose(float[] expected, ReadOnlySpan<float> actual)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-5f, $"at {i}");
        }
    }

    private static void Fails(string text, Action action)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(action);
        Assert.AreEqual(DiffusionErrors.UnsuitableMetricModel, error.Code);
        StringAssert.Contains(error.Message, text);
    }
}
