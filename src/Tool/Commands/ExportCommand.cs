using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using CompressTool.Diffusion.Export;
using CompressTool.Onnx;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Commands;

/// <summary><c>export</c>: writes an imported model as a diffusers folder again.</summary>
internal sealed class ExportCommand : ToolCommand
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string> _output = new("--output", "-o") { Description = "The folder that receives config.json and the weights.", HelpName = "FOLDER", Required = true };

    public ExportCommand()
        : base("export", "Write an imported model, with the weights and layers it has now, as a folder that diffusers loads.")
    {
        Add(_model);
        Add(_output);
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var start = Stopwatch.GetTimestamp();
        using var model = Model.Load(context.Get(_model));
        var exported = DiffusersExporter.Export(model, context.Get(_output), context.CancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(start);
        context.WriteResult(
            new JsonObject
            {
                ["class"] = exported.ClassName,
                ["parameters"] = exported.Parameters,
                ["files"] = new JsonArray([.. exported.Files.Select(file => JsonValue.Create(file))]),
                ["bytes"] = exported.Bytes,
                ["changes"] = new JsonObject(exported.Changes.Select(change => KeyValuePair.Create(change.Key, JsonNode.Parse(change.Value)))),
                ["seconds"] = Math.Round(elapsed.TotalSeconds, 6),
            },
            output =>
            {
                output.WriteLine($"{exported.ClassName}: {Units.Count(exported.Parameters)} parameters");
                foreach (var (key, value) in exported.Changes)
                {
                    output.WriteLine($"{key}: {value}");
                }

                output.WriteLine($"{string.Join(", ", exported.Files)} ({Units.Bytes(exported.Bytes)}, {Units.Duration(elapsed)})");
            });
        return Task.FromResult(ExitCodes.Success);
    }
}
