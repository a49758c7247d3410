using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx.Cost;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Commands;

/// <summary><c>import</c>: makes an .onnx file of a model in a diffusers folder.</summary>
internal sealed class ImportCommand : ToolCommand
{
    private readonly Argument<string> _folder = new("FOLDER") { Description = "The folder with model_index.json, or with the config.json of one model. A component may stand behind it: folder#unet." };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The .onnx file; by default named after the component, in the current folder.", HelpName = "FILE" };
    private readonly Option<string?> _component = new("--component", "-c") { Description = "The component to import, or a part of it, e.g. unet, vae.decoder; by default the one that removes noise.", HelpName = "NAME" };
    private readonly Option<ImageSize?> _size = new("--size")
    {
        Description = "Height and width of the samples that the model takes, e.g. 64x64; by default open, or as config.json says where they cannot be.",
        HelpName = "HxW",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (text.Split('x') is [var height, var width] && int.TryParse(height, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) && int.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out var columns)
                && rows > 0 && columns > 0)
            {
                return new ImageSize(rows, columns);
            }

            result.AddError($"'{text}' is not a height and a width; write e.g. --size 64x64");
            return null;
        },
    };

    private readonly Option<int> _seed = CommonOptions.Number("--init-seed", "Initialise the parameters at random with this seed, as PyTorch does, in place of the checkpoint's: to train from scratch.", 0, 0);

    public ImportCommand()
        : base("import", "Make an .onnx file of a model in a diffusers folder, from its config.json and .safetensors files.")
    {
        Add(_folder);
        Add(_output);
        Add(_component);
        Add(_size);
        Add(_seed);
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var start = Stopwatch.GetTimestamp();
        var component = DiffusersComponent.Find(context.Get(_folder), context.Get(_component));
        var fresh = context.IsGiven(_seed) || component.Weights is null;
        if (fresh && !context.IsGiven(_seed))
        {
            context.Console.Info($"'{Path.GetDirectoryName(component.Config)}' has no weights: the parameters are initialised at random with seed 0 (--init-seed)");
        }

        using var model = DiffusersImporter.Import(component, new ImportOptions { InitSeed = context.IsGiven(_seed) ? context.Get(_seed) : null, Size = context.Get(_size) });
        var path = context.Get(_output) ?? DefaultName(component) + ".onnx";
        var files = model.Save(path, cancellationToken: context.CancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(start);
        var parameters = ModelCost.Measure(model).Parameters;
        var bytes = files.Sum(file => new FileInfo(file.Path).Length);
        context.WriteResult(
            new JsonObject
            {
                ["class"] = component.ClassName,
                ["component"] = component.Name,
                ["part"] = component.Part,
                ["parameters"] = parameters,
                ["initialized"] = fresh ? "random" : "checkpoint",
                ["files"] = new JsonArray([.. files.Select(file => JsonValue.Create(file.Path))]),
                ["bytes"] = bytes,
                ["seconds"] = Math.Round(elapsed.TotalSeconds, 6),
            },
            output =>
            {
                output.WriteLine($"{component.ClassName}: {Units.Count(parameters)} parameters{(fresh ? ", initialised at random" : "")}");
                output.WriteLine($"{string.Join(", ", files.Select(file => file.Path))} ({Units.Bytes(bytes)}, {Units.Duration(elapsed)})");
            });
        return Task.FromResult(ExitCodes.Success);
    }

    private static string DefaultName(DiffusersComponent component)
    {
        var name = component.Name.Length > 0 ? component.Name : Path.GetFileName(Path.GetDirectoryName(component.Config)!);
        return component.Part is null ? name : $"{name}.{component.Part}";
    }
}
