using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Inference;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Commands;

/// <summary><c>infer</c>: runs a model on given inputs.</summary>
internal sealed class InferCommand : ToolCommand
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string[]> _inputs = CommonOptions.Inputs();
    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "The folder that receives a .npy file for each output.",
        HelpName = "FOLDER",
        Required = true,
    };

    private readonly Option<int> _threads = CommonOptions.Number("--threads", "Threads to run on; by default one for each core.", 1, 0);

    public InferCommand()
        : base("infer", "Run a model on inputs from .npy or .safetensors files and write its outputs as .npy files.")
    {
        Add(_model);
        Add(_inputs);
        Add(_output);
        Add(_threads);
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var path = context.Get(_model);
        using var model = Model.Load(path);
        using var inputs = ModelInputs.Read(context.Get(_inputs) ?? [], model);

        var engine = new OnnxRuntimeEngine();
        context.Console.Detail($"ONNX Runtime {engine.Version}, {OrtEnvironment.Library.Reason}: {OrtEnvironment.Library.Path}");
        using var function = engine.Compile(path, new EngineOptions { Threads = context.Get(_threads) }, context.CancellationToken);
        var feeds = inputs.Tensors.ToDictionary(input => input.Key, input => NdArray.From(input.Value));
        var start = Stopwatch.GetTimestamp();
        var outputs = function.Run(feeds, cancellationToken: context.CancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(start);

        var names = function.Outputs.Select(output => output.Name).ToList();
        var saved = Save(context.Get(_output), [.. names.Select(name => (name, outputs[name].ToTensor()))], context.CancellationToken);
        context.WriteResult(
            new JsonObject
            {
                ["runtime"] = engine.Version,
                ["seconds"] = Math.Round(elapsed.TotalSeconds, 6),
                ["outputs"] = new JsonArray([.. saved.Select(output => new JsonObject
                {
                    ["name"] = output.Name,
                    ["file"] = output.File.Path,
                    ["type"] = output.Tensor.Type.DisplayName(),
                    ["shape"] = new JsonArray([.. output.Tensor.Dims.Select(dim => JsonValue.Create(dim))]),
                })]),
            },
            output =>
            {
                var table = new TableWriter("output", "type", "file");
                foreach (var (name, tensor, file) in saved)
                {
                    table.Add(name, tensor.ToString(), file.Path);
                }

                table.Write(output);
                output.WriteLine($"ran in {Units.Duration(elapsed)}");
            });
        return Task.FromResult(ExitCodes.Success);
    }

    private static List<(string Name, Tensor Tensor, SavedFile File)> Save(string folder, IReadOnlyList<(string Name, Tensor Tensor)> outputs, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var files = OutputFiles.Names(outputs.Select(output => output.Name), ".npy");
        return [.. outputs.Select((output, i) => (output.Name, output.Tensor, NpyFile.Write(Path.Combine(folder, files[i]), output.Tensor, cancellationToken)))];
    }
}
