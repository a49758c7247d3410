using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Inference;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Tool.Commands;

/// <summary><c>gradients</c>: how a model's error on given inputs changes with its parameters.</summary>
internal sealed class GradientsCommand : ToolCommand
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string[]> _inputs = CommonOptions.Inputs();
    private readonly Option<string[]> _targets = new("--target", "-t")
    {
        Description = "What an output should be: name=file.npy. May be given several times; the loss is the sum of the mean squared errors.",
        HelpName = "OUTPUT=FILE",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _parameters = new("--parameter", "-p")
    {
        Description = "An initializer to differentiate by; by default all floating-point ones. May be given several times.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "The .safetensors file that receives the gradients, under the names of the initializers.",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int> _threads = CommonOptions.Number("--threads", "Threads to run on; by default one for each core.", 1, 0);

    public GradientsCommand()
        : base("gradients", "Compute the gradients of the mean squared error between a model's outputs and targets by its parameters.")
    {
        Add(_model);
        Add(_inputs);
        Add(_targets);
        Add(_parameters);
        Add(_output);
        Add(_threads);
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        using var model = Model.Load(context.Get(_model));
        using var inputs = ModelInputs.Read(context.Get(_inputs) ?? [], model);
        var targets = Targets(context.Get(_targets)!, model.Graph);
        var feeds = inputs.Tensors.ToDictionary(input => input.Key, input => NdArray.From(input.Value));

        var start = Stopwatch.GetTimestamp();
        var shapes = new InferenceOptions { InputShapes = inputs.Tensors.ToDictionary(input => input.Key, input => Shape.Of(input.Value.Dims)) };
        var graph = TrainingGraph.Create(model, shapes, context.Get(_parameters) is { Length: > 0 } names ? names : null, TrainingPrecision.Float32);
        var lossName = graph.Builder.AddOutput("loss", AddLoss(graph.Builder, targets, feeds)).Value.Name;
        foreach (var (name, tensor) in graph.Parameters)
        {
            feeds[name] = tensor.Type is DataType.Float16 or DataType.BFloat16 ? NdArray.Create(tensor.ToFloats(), tensor.Dims) : NdArray.From(tensor);
        }

        var engine = new OnnxRuntimeTrainingEngine();
        string[] parameters = [.. graph.Parameters.Keys];
        using var function = engine.CompileGradient(graph.Model, lossName, parameters, options: new EngineOptions { Threads = context.Get(_threads) }, cancellationToken: context.CancellationToken);
        var outputs = function.Run(feeds, [lossName, .. parameters.Select(name => TrainingGraph.GradientPrefix + name)], context.CancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(start);

        var loss = NumberArrays.ToDoubles(outputs[lossName])[0];
        var gradients = parameters.Select(name => (Name: name, Gradient: outputs[TrainingGraph.GradientPrefix + name])).ToArray();
        var file = SafetensorsFile.Write(
            context.Get(_output),
            gradients.Select(gradient => KeyValuePair.Create(gradient.Name, gradient.Gradient.ToTensor())),
            [new("loss", loss.ToString("R", System.Globalization.CultureInfo.InvariantCulture))],
            context.CancellationToken);
        var norm = Math.Sqrt(gradients.Sum(gradient => NumberArrays.ToDoubles(gradient.Gradient).Sum(value => value * value)));
        context.WriteResult(
            new JsonObject
            {
                ["loss"] = loss,
                ["gradientNorm"] = norm,
                ["parameters"] = gradients.Length,
                ["file"] = file.Path,
                ["seconds"] = Math.Round(elapsed.TotalSeconds, 6),
            },
            output =>
            {
                output.WriteLine($"loss {loss:R}, norm of the gradient {norm:g6}");
                output.WriteLine($"{gradients.Length} gradients -> {file.Path} ({Units.Duration(elapsed)})");
            });
        return Task.FromResult(ExitCodes.Success);
    }

    private static Dictionary<string, Tensor> Targets(IEnumerable<string> specifications, Graph graph)
    {
        var targets = new Dictionary<string, Tensor>();
        var known = graph.Outputs.Select(output => output.Name).ToArray();
        foreach (var specification in specifications)
        {
            var separator = specification.IndexOf('=');
            if (separator <= 0)
            {
                throw new CompressToolException(ToolErrors.InvalidValue, $"'--target {specification}' does not name an output: write e.g. {known.FirstOrDefault()}={specification}");
            }

            var name = specification[..separator];
            if (!known.Contains(name))
            {
                throw new CompressToolException(ToolErrors.InputMismatch, $"the model has no output '{name}'{NearestName.Hint(name, known)}");
            }

            if (!targets.TryAdd(name, NpyFile.Read(specification[(separator + 1)..])))
            {
                throw new CompressToolException(ToolErrors.Conflict, $"the target of '{name}' is given twice");
            }
        }

        return targets;
    }

    private static Expr AddLoss(GraphBuilder builder, Dictionary<string, Tensor> targets, Dictionary<string, NdArray> feeds)
    {
        Expr? loss = null;
        foreach (var (name, tensor) in targets)
        {
            var output = builder.Of(builder.Graph.Outputs.First(output => output.Name == name));
            if ((tensor.Type != output.Type && tensor.Type is not (DataType.Float16 or DataType.BFloat16)) || !tensor.Dims.SequenceEqual(output.Dims))
            {
                throw new CompressToolException(ToolErrors.InputMismatch, $"the target of '{name}' must be {output.Value.Type}, but the file holds {tensor}");
            }

            var target = builder.Input($"target of {name}", tensor.Type, tensor.Dims);
            feeds[target.Value.Name] = NdArray.From(tensor);
            var error = (output - target.Cast(output.Type)).Square().Mean();
            loss = loss is null ? error : loss + error.Cast(loss.Type);
        }

        return loss!;
    }
}
