using System.CommandLine;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Inspection;

namespace CompressTool.Tool.Commands;

/// <summary><c>inspect</c>: what a model is and costs.</summary>
internal sealed class InspectCommand : ToolCommand
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<bool> _layers = new("--layers") { Description = "List the layers with their names, weights and costs." };
    private readonly Option<bool> _structures = new("--structures") { Description = "List what structured pruning could remove: groups of coupled channels, heads and blocks; and what it could not, with the reason." };
    private readonly Option<bool> _sparsity = new("--sparsity") { Description = "Count the zeros among the weights, which reads them all; --json and --layers do so too." };
    private readonly Option<string[]> _bindings = CommonOptions.Bindings();

    public InspectCommand()
        : base("inspect", "Show what a model is and costs: parameters, operations, bytes, inputs, outputs, operators, layers.")
    {
        Add(_model);
        Add(_layers);
        Add(_structures);
        Add(_sparsity);
        Add(_bindings);
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        using var model = Model.Load(context.Get(_model), new LoadOptions { AllowMissingWeights = true });
        var cost = ModelCost.Measure(model, CommonOptions.ParseBindings(context.Get(_bindings)));
        var missing = MissingWeights.Of(model);
        if (missing.Files.Count > 0)
        {
            context.Console.Info($"the weights are not there ({string.Join(", ", missing.Files)}): their zeros cannot be counted");
        }

        var layers = context.Get(_layers);
        var sparsity = missing.Files.Count == 0 && (layers || context.Json || context.Get(_sparsity)) ? cost.MeasureSparsity(context.CancellationToken) : null;
        var inspection = new ModelInspection(model, cost, sparsity, missing);
        var json = inspection.ToJson(layers);
        if (!context.Get(_structures))
        {
            context.WriteResult(json, output => inspection.Write(output, layers));
            return Task.FromResult(ExitCodes.Success);
        }

        // Last, because it changes the model that the other facts are about.
        var text = new StringWriter();
        inspection.Write(text, layers);
        var structures = StructureInspection.Of(model, context.CancellationToken);
        json["structures"] = structures.ToJson();
        context.WriteResult(json, output =>
        {
            structures.Write(output);
            output.WriteLine();
            output.Write(text);
        });
        return Task.FromResult(ExitCodes.Success);
    }
}
