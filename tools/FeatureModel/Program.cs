using System.Diagnostics;
using CompressTool.FeatureModel;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;

const int BatchSize = 64;
if (args.Length is < 1 or > 2)
{
    Console.Error.WriteLine("usage: FeatureModel FILE.onnx [STEPS]");
    return 2;
}

var steps = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 3000;
var source = new DamagedShapes(setSeed: 1_000_001, count: 20_000, BatchSize);
using var model = Network.Create(1);
using var copy = Model.Parse(model.ToBytes());
var graph = TrainingGraph.Create(copy, new InferenceOptions { InputShapes = new Dictionary<string, Shape> { ["images"] = Shape.Of([BatchSize, 3, 32, 32]) } });
var builder = graph.Builder;
var outputs = builder.Of(copy.Graph.Outputs[1]);
copy.Graph.Outputs.Clear();
var logits = outputs.Slice(1, 0, Network.Classes);
var classes = builder.Input("classes", DataType.Float, BatchSize, Network.Classes);
var qualities = builder.Input("qualities", DataType.Float, BatchSize, Network.Qualities);
var crossEntropy = -((logits - logits.Exp().Sum([1], keepDims: true).Log()) * classes).Sum([1]).Mean();
var error = (outputs.Slice(1, Network.Classes, Network.Classes + Network.Qualities) - qualities).Square().Mean();
builder.AddOutput("classes error", crossEntropy.Reshape());
builder.AddOutput("qualities error", error.Reshape());
builder.AddOutput("loss", (crossEntropy + (error * 5)).Reshape());

using var parameters = ParameterSet.Create(graph.Parameters);
using var function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, "loss", [.. graph.Parameters.Keys]);
using var step = new FunctionStep(function, parameters, "loss", ["classes error", "qualities error"]);
var options = new TrainerOptions
{
    Steps = steps,
    Seed = 7,
    Optimizer = new AdamWOptions { LearningRate = 1e-3, WeightDecay = 1e-4 },
    Schedule = new LearningRateSchedule { Decay = LearningRateDecay.Cosine, WarmUpSteps = 100 },
    ClipNorm = 1,
    Average = new MovingAverageOptions { Decay = 0.995 },
};
using var trainer = new Trainer(parameters, step, source, options);
var clock = Stopwatch.StartNew();
trainer.Run(new ProgressLines(clock));
foreach (var (name, tensor) in trainer.Average!.Values.ToTensors())
{
    Graph.ReplaceInitializer(model.Graph.Initializers.Single(value => value.Name == name), tensor);
}

model.Save(args[0]);

// On images that no step has seen.
using var compiled = new OnnxRuntimeEngine().Compile(model);
var test = new DamagedShapes(setSeed: 2_000_002, count: 2000, BatchSize);
var (right, squares, count) = (0, 0.0, 0);
for (var i = 0; i < 30; i++)
{
    using var batch = test.Read(1, i, CancellationToken.None);
    var result = compiled.Run(new Dictionary<string, NdArray> { ["images"] = batch.Arrays["images"].ToNdArray() }, ["outputs"])["outputs"].AsSpan<float>().ToArray();
    for (var n = 0; n < BatchSize; n++, count++)
    {
        var row = result.AsSpan(n * (Network.Classes + Network.Qualities), Network.Classes + Network.Qualities);
        var truth = batch.Arrays["classes"].AsSpan<float>().Slice(n * Network.Classes, Network.Classes).IndexOf(1f);
        right += row[..Network.Classes].ToArray().Index().MaxBy(item => item.Item).Index == truth ? 1 : 0;
        for (var q = 0; q < Network.Qualities; q++)
        {
            var difference = row[Network.Classes + q] - batch.Arrays["qualities"].AsSpan<float>()[(n * Network.Qualities) + q];
            squares += difference * difference / Network.Qualities;
        }
    }
}

Console.WriteLine($"{clock.Elapsed.TotalSeconds:0} s; on new images, damaged likewise: {100.0 * right / count:0.0} % right, qualities off by {Math.Sqrt(squares / count):0.000}; {new FileInfo(args[0]).Length} bytes");
return 0;

internal sealed class ProgressLines(Stopwatch clock) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.Step % 100 == 0)
        {
            Console.WriteLine($"{clock.Elapsed.TotalSeconds,6:0} s  step {value.Step}  loss {value.SmoothedLoss:0.0000}");
        }
    }
}
