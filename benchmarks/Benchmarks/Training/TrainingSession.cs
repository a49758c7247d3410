using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Optimization;

namespace CompressTool.Benchmarks.Training;

/// <summary>A model in training: parameters, gradients and optimizer state.</summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly Model _model;
    private readonly ParameterSet _parameters;
    private readonly Optimizer _optimizer;
    private readonly ICompiledFunction _function;
    private readonly IFunctionBinding _binding;

    /// <summary>Prepares a model of concrete shapes with one output for training by noise prediction.</summary>
    public TrainingSession(Model model, GradientOptions? gradients = null, string? profile = null)
    {
        _model = model;
        var graph = TrainingGraph.Create(_model);
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        var loss = (output - graph.Builder.Input("noise", DataType.Float, output.Dims)).Square().Mean();
        graph.Model.Graph.Outputs.Clear();
        graph.Builder.AddOutput("loss", loss);
        _parameters = ParameterSet.Create(graph.Parameters);
        _optimizer = new AdamWOptions { LearningRate = 1e-4 }.Create(_parameters);
        _function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, "loss", [.. graph.Parameters.Keys], gradients, new EngineOptions { ProfilePath = profile });
        _binding = _function.Bind();
        foreach (var input in _function.Inputs)
        {
            _binding.SetInput(input.Name, graph.Parameters.ContainsKey(input.Name) ? _parameters.Values[input.Name] : Filled(input.Type));
        }

        foreach (var name in graph.Parameters.Keys)
        {
            _binding.SetOutput(TrainingGraph.GradientPrefix + name, _parameters.Gradients[name]);
        }

        _binding.SetOutput("loss", new NativeArray(DataType.Float));
    }

    /// <summary>An array of random numbers between -1 and 1.</summary>
    public static NativeArray Filled(TensorType type)
    {
        var array = new NativeArray(type.ElementType, type.Shape!.ToArray()!);
        var random = new Random(3);
        foreach (ref var number in array.AsSpan<float>())
        {
            number = (float)((random.NextDouble() * 2) - 1);
        }

        return array;
    }

    public void Gradient() => _binding.Run();

    public void Optimize() => _optimizer.Step(1e-4);

    public void Step()
    {
        Gradient();
        Optimize();
    }

    public void Dispose()
    {
        _binding.Dispose();
        _function.Dispose();
        _parameters.Dispose();
        _model.Dispose();
    }
}
