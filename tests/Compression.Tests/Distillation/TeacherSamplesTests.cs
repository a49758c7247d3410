using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Distillation;

/// <summary>Training on what the teacher draws.</summary>
[TestClass]
public sealed class TeacherSamplesTests
{
    private static readonly float[] s_greys = [-1, -0.2f, 1];

    /// <summary>The teacher predicts one grey for each class as the clean sample, so that is what it draws, and what the student learns.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_student_learns_what_the_teacher_draws(bool distill)
    {
        using var folder = new TempFolder();
        var teacher = Teacher(folder);
        using var student = ClassModel.Create(3, side: 4);
        var options = Options(new SampleOptions { Count = 300, Steps = 5 });

        if (distill)
        {
            // The recipe's input model would not do: the teacher is the one that is named.
            ClassModel.Create(3, side: 4).Save(folder.File("input.onnx"));
            var distilled = new DistillOptions
            {
                Teacher = new RecipePath("teacher.onnx", teacher),
                Losses = new DistillLosses { Output = 0.01, Task = 1 },
                Data = options.Data,
                Noise = options.Noise,
                Steps = options.Steps,
                Batch = options.Batch,
                LearningRate = options.LearningRate,
            };
            ((IStage)new DistillStage()).Run(student, distilled, Context(folder, folder.File("input.onnx")));
        }
        else
        {
            ((IStage)new FinetuneStage()).Run(student, options, Context(folder, teacher));
        }

        var table = student.Graph.Initializers.Single(value => value.Name == "embedding").Initializer!.ToArray<float>();
        for (var label = 0; label < s_greys.Length; label++)
        {
            // Samples are pictures: their numbers are rounded to a 255th.
            Assert.AreEqual(s_greys[label], table[label * 16], 0.02f, $"class {label}");
        }
    }

    [TestMethod]
    public void With_guidance_the_last_class_stands_for_none()
    {
        using var folder = new TempFolder();
        var options = Options(new SampleOptions { Count = 10, Steps = 3, Guidance = 1.5, Sampler = "dpm++2m" });

        var set = new TeacherSamples(options.Data.TeacherSamples!, options, Context(folder, Teacher(folder))).Open(null);

        CollectionAssert.AreEqual(new long[] { 0, 1, 0, 1, 0, 1, 0, 1, 0, 1 }, set.Labels);
        var pixels = set.Images.ToArray<byte>();

        // Class 1 with class 2 as none: 1 + 1.5 * (-0.2 - 1) = -0.8, a tenth of the way from black to white.
        Assert.AreEqual(26, pixels[16], 1);
        Assert.AreEqual(0, pixels[0], "-1 - 2 is limited to black");
    }

    [TestMethod]
    public void What_is_drawn_is_described_by_all_that_it_depends_on()
    {
        using var folder = new TempFolder();
        var teacher = Teacher(folder);
        var seen = new HashSet<string>();
        foreach (var samples in new SampleOptions[] { new() { Steps = 3 }, new() { Steps = 4 }, new() { Steps = 3, Seed = 1 }, new() { Steps = 3, Sampler = "euler" }, new() { Steps = 3, Count = 7 }, new() { Steps = 3 } })
        {
            var options = Options(samples);
            var context = new StageContext
            {
                SourcePath = teacher,
                Share = artifact =>
                {
                    seen.Add(string.Join(';', artifact.Ingredients.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value}")));
                    artifact.Make(folder.Path);
                    return folder.Path;
                },
            };
            new TeacherSamples(samples, options, context).Open(null);
        }

        Assert.HasCount(5, seen);
    }

    [TestMethod]
    public void A_teacher_without_classes_cannot_be_guided()
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        var options = Options(new SampleOptions { Guidance = 2 });

        var error = Assert.ThrowsExactly<CompressToolException>(() => ((IStage)new FinetuneStage()).Run(model, options, Context(folder, Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"))));

        Assert.AreEqual("CMP4005", error.Code.Id);
        Assert.Contains("has no classes to guide to", error.Message);
        Assert.AreEqual("data.teacher-samples", error.OptionPath);
    }

    private static string Teacher(TempFolder folder)
    {
        using var model = ClassModel.Create(3, side: 4, greys: s_greys);
        model.Save(folder.File("teacher.onnx"));
        return folder.File("teacher.onnx");
    }

    private static FinetuneOptions Options(SampleOptions samples) => new()
    {
        Data = new TrainingData { TeacherSamples = samples },
        Noise = new NoiseOptions { Prediction = Prediction.Sample },
        Steps = 200,
        Batch = 30,
        LearningRate = 0.03,
        Schedule = RateSchedule.Cosine,
    };

    private static StageContext Context(TempFolder folder, string source) => new() { Seed = 3, SourcePath = source, WorkFolder = folder.File("work") };
}
