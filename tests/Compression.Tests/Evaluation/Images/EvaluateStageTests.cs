using System.Text.Json.Nodes;
using CompressTool.Compression.Data;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Compression.Options;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Compression.Tests.Distillation;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Evaluation.Images;

/// <summary>The stage evaluate and its gates, on models whose pictures are known: one grey for each class.</summary>
[TestClass]
public sealed class EvaluateStageTests
{
    private const int Side = 12;
    private static readonly float[] s_greys = [-0.6f, 0.2f, 1];

    [TestMethod]
    public void A_model_is_like_itself()
    {
        using var folder = new TempFolder();
        var input = Save(folder, "input.onnx", s_greys);
        using var model = Model.Load(Save(folder, "model.onnx", s_greys));

        var (metrics, files) = Run(folder, model, Options(folder), input);

        Assert.AreEqual(0, Value(metrics, "shapes-fid"), 1e-9);
        Assert.AreEqual(1, Value(metrics, "ssim"), 1e-9);
        Assert.IsNull(metrics["figures"]!["image-psnr"]!["value"], "infinite");
        Assert.AreEqual(1, Value(metrics, "shapes-precision"), 1e-9);
        Assert.AreEqual("samples of the input model", (string)metrics["reference"]!);
        CollectionAssert.AreEqual(new[] { "input-samples.png", "samples.png" }, files.Keys.Order().ToArray());
        CollectionAssert.AreEqual(files["input-samples.png"], files["samples.png"]);
    }

    [TestMethod]
    public void Pairs_are_compared_at_equal_noise_and_class()
    {
        using var folder = new TempFolder();
        var input = Save(folder, "input.onnx", s_greys);
        using var model = Model.Load(Save(folder, "model.onnx", [-0.6f, 0.2f, 0.9f]));

        var (metrics, files) = Run(folder, model, Options(folder), input);

        // A third of the pairs differs by 13 of 255 levels (1 -> 255, 0.9 -> 242), the others are equal, which is infinite.
        Assert.IsNull(metrics["figures"]!["image-psnr"]!["value"]);
        Assert.IsLessThan(1, Value(metrics, "ssim"));
        Assert.IsGreaterThan(0, Value(metrics, "shapes-fid"));
        var grid = PictureFile.Decode(files["samples.png"], "grid");
        Assert.AreEqual((51, 242), (grid.Row(2)[2], grid.Row(2)[2 + (2 * (Side + 2))]), "classes in turns");
        Assert.AreEqual(((4 * (Side + 2)) + 2, 1), (grid.Width, grid.Channels), "12 samples in a square");
    }

    [TestMethod]
    public void Reference_images_have_a_distance_from_both_models_and_say_the_number_of_classes()
    {
        using var folder = new TempFolder();
        var input = Save(folder, "input.onnx", s_greys);
        using var model = Model.Load(Save(folder, "model.onnx", [-1, -1, 1]));
        NpyFile.Write(folder.File("images.npy"), Tensor.Create<byte>(DataType.UInt8, [12, Side, Side], [.. Enumerable.Range(0, 12 * Side * Side).Select(i => (byte)(51 + (i / (Side * Side) % 2 * 102)))]));
        NpyFile.Write(folder.File("labels.npy"), Tensor.Int64s(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1));
        var options = Options(folder) with
        {
            Reference = new ImageOptions { Images = new RecipeFiles("images.npy", folder.File("images.npy")), Labels = new RecipePath("labels.npy", folder.File("labels.npy")) },
        };

        var (metrics, files) = Run(folder, model, options, input);

        // The classes 0 and 1 are drawn, the last one stands for none: the input model draws the reference itself.
        Assert.AreEqual(0, (double)metrics["figures"]!["shapes-fid"]!["input"]!["value"]!, 1e-6);
        Assert.IsGreaterThan(1e-3, Value(metrics, "shapes-fid"));
        Assert.AreEqual("12 images", (string)metrics["reference"]!);
        Assert.AreEqual(153, PictureFile.Decode(files["input-samples.png"], "grid").Row(2)[2 + Side + 2]);

        var gate = Judge("fid", new HighestFigureOptions { MaxIncrease = 0.001 }, metrics);
        Assert.IsFalse(gate.Passed);
        Assert.Contains("shapes-fid ", gate.Text);
        Assert.IsTrue(Judge("fid", new HighestFigureOptions { Max = 1e6, MaxIncrease = 1e6 }, metrics).Passed);
        Assert.IsFalse(Judge("precision", new LowestFigureOptions { Min = 1.1 }, metrics).Passed);
    }

    [TestMethod]
    public void Gates_tell_figure_interval_and_limit()
    {
        var metrics = new JsonObject
        {
            ["figures"] = new JsonObject
            {
                ["shapes-fid"] = new ImageFigure("shapes-fid", new(3.25, 0.21, 1000), new(2.5, 0.2, 1000)).ToJson(),
                ["ssim"] = new ImageFigure("ssim", new(0.91, 0.01, 1000), null).ToJson(),
            },
            ["perImage"] = new ImageCost(5e9, 6e9).ToJson(),
            ["inputPerImage"] = new ImageCost(10e9, 12e9).ToJson(),
        };

        Assert.AreEqual(new GateResult(true, 3.25, "shapes-fid 3.25 ± 0.21 (N = 1000, input model 2.5), allowed up to 3.5"), Judge("fid", new HighestFigureOptions { Max = 4, MaxIncrease = 1 }, metrics));
        Assert.IsFalse(Judge("fid", new HighestFigureOptions { Max = 3, MaxIncrease = 1 }, metrics).Passed);
        Assert.IsTrue(Judge("ssim", new LowestFigureOptions { Min = 0.9 }, metrics).Passed);
        Assert.AreEqual("ssim 0.91 ± 0.01 (N = 1000), allowed from 0.95; train longer, compress less, or change the limit", Judge("ssim", new LowestFigureOptions { Min = 0.95 }, metrics).Text);
        Assert.AreEqual("macs-per-image 50% of the input model (6 against 12 billion), allowed 60%", Judge("macs-per-image", new MacsPerImageGateOptions { Max = new Fraction(0.6) }, metrics).Text);

        Fails("the stage evaluate has not measured kid; it has shapes-fid, ssim", () => Judge("kid", new HighestFigureOptions { Max = 1 }, metrics));
        Fails("the input model has no ssim of its own", () => Judge("ssim", new LowestFigureOptions { MaxDecrease = 0.1 }, metrics));
        Fails("the last stage is not evaluate", () => Judge("ssim", new LowestFigureOptions { Min = 0.1 }, null));
        foreach (var gate in GateRegistry.All.Where(gate => gate.NeedsEvaluation && gate is not MacsPerImageGate))
        {
            var errors = new OptionErrors();
            gate.Validate(Activator.CreateInstance(gate.OptionsType)!, errors);
            Assert.HasCount(1, errors.Items, gate.Info.Kind);
        }
    }

    [TestMethod]
    public void Latency_of_an_image_is_that_of_all_evaluations()
    {
        var path = Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx");
        GateResult Latency(LatencyPerImageGateOptions options, double guidance) => new LatencyPerImageGate().Evaluate(options with { Runs = 5 }, new GateContext
        {
            OriginalPath = path,
            FinalPath = path,
            Engine = new OnnxRuntimeEngine(),
            Evaluation = new JsonObject { ["guidance"] = guidance, ["evaluations"] = 8 },
        });

        var passed = Latency(new LatencyPerImageGateOptions { Max = new Fraction(100), MaxMs = 1e6 }, guidance: 2);
        Assert.IsTrue(passed.Passed);
        Assert.Contains(" ms (4 evaluations, ", passed.Text);
        Assert.EndsWith("allowed 10000% and 1000000 ms", passed.Text);
        var failed = Latency(new LatencyPerImageGateOptions { MaxMs = 1e-6 }, guidance: 1);
        Assert.IsFalse(failed.Passed);
        Assert.Contains("(8 evaluations, ", failed.Text);
    }

    [TestMethod]
    public void Multiplications_of_an_image_are_those_of_all_evaluations()
    {
        using var folder = new TempFolder();
        var path = Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx");
        using var model = Model.Load(path);
        var options = new EvaluateOptions { Samples = new ModelSampleOptions { Count = 6, Steps = 3 } };

        var (metrics, _) = Run(folder, model, options, path);

        var one = Onnx.Cost.ModelCost.Measure(model).PerSample;
        Assert.AreEqual(3 * one.MacsWithAttention, (double)metrics["perImage"]!["macsWithAttention"]!);
        Assert.IsNull(metrics["inputPerImage"], "the model is the input model");
        Assert.AreEqual("none", (string)metrics["reference"]!);
        Assert.IsEmpty(metrics["figures"]!.AsObject(), "there is nothing to compare with");
    }

    [TestMethod]
    public void Samples_are_drawn_once_for_each_model()
    {
        using var folder = new TempFolder();
        var input = Save(folder, "input.onnx", s_greys);
        using var model = Model.Load(Save(folder, "model.onnx", [0, 0, 0]));
        var drawn = new Dictionary<string, string>();
        string Share(SharedArtifact artifact)
        {
            var key = string.Join(';', artifact.Ingredients.OrderBy(pair => pair.Key).Select(pair => pair.ToString()));
            if (!drawn.TryGetValue(key, out var place))
            {
                place = drawn[key] = Directory.CreateDirectory(folder.File($"share{drawn.Count}")).FullName;
                artifact.Make(place);
            }

            return place;
        }

        var (first, _) = Run(folder, model, Options(folder), input, Share);
        Assert.HasCount(2, drawn);
        var (second, _) = Run(folder, model, Options(folder), input, Share);
        Assert.HasCount(2, drawn);
        Assert.AreEqual(first.ToJsonString(), second.ToJsonString());
        Run(folder, model, Options(folder) with { Samples = Options(folder).Samples with { Seed = 5 } }, input, Share);
        Assert.HasCount(4, drawn);
    }

    [TestMethod]
    public void Contradictions_are_reported_at_their_place()
    {
        Assert.AreEqual("", Errors(new EvaluateOptions()));
        Assert.AreEqual("samples.sampler|samples.count|samples.size|", Errors(new EvaluateOptions { Samples = new ModelSampleOptions { Sampler = "dim", Count = 4, Size = [1, 2, 3] } }));
        Assert.AreEqual("reference|", Errors(new EvaluateOptions { Reference = new ImageOptions() }));
        Assert.AreEqual("features|features|", Errors(new EvaluateOptions { Features = new FeatureOptions { Mean = [1, 2] } }));
    }

    private static string Errors(EvaluateOptions options)
    {
        var errors = new OptionErrors();
        new EvaluateStage().Validate((object)options, errors);
        return string.Concat(errors.Items.Select(item => item.Path + "|"));
    }

    private static void Fails(string text, Action action)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(action);
        Assert.AreEqual(CompressionErrors.InvalidEvaluation, error.Code);
        Assert.Contains(text, error.Message);
    }

    private static GateResult Judge(string kind, object options, JsonObject? metrics) => GateRegistry.Find(kind)!.Evaluate(options, new GateContext
    {
        OriginalPath = "input.onnx",
        FinalPath = "model.onnx",
        Engine = new OnnxRuntimeEngine(),
        Evaluation = metrics,
    });

    private static double Value(JsonObject metrics, string figure) => (double)metrics["figures"]![figure]!["value"]!;

    private static (JsonObject Metrics, IReadOnlyDictionary<string, byte[]> Files) Run(TempFolder folder, Model model, EvaluateOptions options, string input, Func<SharedArtifact, string>? share = null)
    {
        var result = ((IStage)new EvaluateStage()).Run(model, options, new StageContext { Seed = 3, SourcePath = input, WorkFolder = folder.File("work"), Share = share });
        Assert.AreSame(model, result.Model);
        return (result.Metrics, result.Files);
    }

    private static EvaluateOptions Options(TempFolder folder)
    {
        var scheduler = folder.Write("scheduler_config.json", """{ "_class_name": "DDPMScheduler", "prediction_type": "sample", "num_train_timesteps": 1000 }""");
        return new EvaluateOptions { Samples = new ModelSampleOptions { Count = 12, Steps = 3, Scheduler = new RecipePath("scheduler_config.json", scheduler) } };
    }

    private static string Save(TempFolder folder, string name, float[] greys)
    {
        using var model = ClassModel.Create(3, side: Side, greys: greys);
        model.Save(folder.File(name));
        return folder.File(name);
    }
}
