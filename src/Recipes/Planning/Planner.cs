using System.Reflection;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation.Images;
using CompressTool.Compression.Options;
using CompressTool.Diffusion.Data;
using CompressTool.Diffusion.Export;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Planning;

/// <summary>Turns recipes into plans.</summary>
/// <param name="hashes">Hashes of files.</param>
/// <param name="machine">The machine; asked only when a key depends on it.</param>
public sealed class Planner(FileHashes hashes, Func<MachineFacts> machine)
{
    private readonly Lazy<MachineFacts> _machine = new(machine);

    /// <summary>The version of this tool; part of every key.</summary>
    public static string ToolVersion { get; } =
        typeof(Planner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    /// <summary>Makes the plan of a recipe: looks at the model, hashes it and every other file, and computes the keys.</summary>
    /// <exception cref="CompressToolException">A file is missing or invalid; the error has its place in the recipe.</exception>
    public Plan Create(Recipe recipe, CancellationToken cancellationToken)
    {
        CheckGates(recipe);
        var input = ReadInput(recipe, cancellationToken);
        var stages = new List<PlannedStage>();
        var previous = "model:" + input.Sha256;
        foreach (var (index, stage) in recipe.Stages.Index())
        {
            var ingredients = Ingredients(stage.Stage.Info.Kind, stage.Stage.Info.Version, stage.Options, cancellationToken);
            ingredients["input"] = previous;
            ingredients["seed"] = recipe.Seed;
            AddMachine(ingredients, stage.Stage.DependsOnMachine(stage.Options.Value));
            var planned = new PlannedStage(index, stage.Stage, stage.Options, ingredients, StageKey.Of(ingredients));
            stages.Add(planned);
            previous = "stage:" + planned.Key;
        }

        return new Plan(recipe, input, stages, GatesKey(recipe, input, previous, cancellationToken));
    }

    private static void CheckGates(Recipe recipe)
    {
        if (recipe.Stages[^1].Stage.Info.Kind != EvaluateStage.Kind && recipe.Gates.FirstOrDefault(gate => gate.Gate.NeedsEvaluation) is { } gate)
        {
            throw new CompressToolException(PlanErrors.NoEvaluation,
                $"the gate '{gate.Gate.Info.Kind}' looks at figures of a stage evaluate, and the last stage is {recipe.Stages[^1].Stage.Info.Kind}; add it at the end: - evaluate: {{ samples: {{ count: 1000 }} }}", gate.Options.Location);
        }
    }

    private static JsonObject Options(BoundOptions options) => JsonNode.Parse(CanonicalOptions.Write(options.Value))!.AsObject();

    private InputModel ReadInput(Recipe recipe, CancellationToken cancellationToken)
    {
        try
        {
            var input = recipe.ModelIsFolder ? ReadFolder(recipe, cancellationToken) : ReadFile(recipe, cancellationToken);
            using var model = input.Open();
            CheckInputs(recipe, model);
            CheckOutputs(recipe, model);
            return input;
        }
        catch (CompressToolException e) when (e.Code == OnnxErrors.FileNotFound)
        {
            throw new CompressToolException(PlanErrors.FileNotFound, $"{e.Message}; paths are relative to the recipe", recipe.Positions.LocationOf("model"), e);
        }
        catch (CompressToolException e)
        {
            e.Location ??= recipe.Positions.LocationOf("model");
            throw;
        }
    }

    /// <summary>Whether there is a way back to diffusers is known before the work; whether the finished model can go it, only afterwards.</summary>
    private static void CheckOutputs(Recipe recipe, Model model)
    {
        if (recipe.Outputs.FirstOrDefault(output => output.Format == OutputFormat.Diffusers) is { } output)
        {
            try
            {
                DiffusersExporter.CheckOrigin(model);
            }
            catch (CompressToolException e)
            {
                e.Location = output.Location;
                throw;
            }
        }
    }

    private InputModel ReadFile(Recipe recipe, CancellationToken cancellationToken)
    {
        using var model = Model.Load(recipe.Model.FullPath);
        var files = model.Files.Select(InputFile.Of).ToList();
        var hash = files.Count == 1
            ? hashes.Get(files[0].Path, cancellationToken)
            : StageKey.Hash(string.Join('\n', files.Select(file => hashes.Get(file.Path, cancellationToken))));
        return new InputModel(recipe.Model.FullPath, files, hash);
    }

    private InputModel ReadFolder(Recipe recipe, CancellationToken cancellationToken)
    {
        var component = DiffusersComponent.Find(recipe.Model.FullPath);
        var files = component.Files.Select(InputFile.Of).ToList();
        var ingredients = new JsonObject
        {
            ["format"] = StageKey.Format,
            ["kind"] = PlannedImport.Kind,
            ["version"] = DiffusersImporter.Version,
            ["tool"] = ToolVersion,
            ["files"] = new JsonArray([.. files.Select(file => JsonValue.Create(hashes.Get(file.Path, cancellationToken)))]),
        };
        var options = new ImportOptions();
        if (component.Weights is null)
        {
            options = new ImportOptions { InitSeed = recipe.Seed };
            ingredients["seed"] = recipe.Seed;
        }

        var import = new PlannedImport(component, options, ingredients);
        return new InputModel(recipe.Model.FullPath, files, import.Key) { Import = import };
    }

    private static void CheckInputs(Recipe recipe, Model model)
    {
        foreach (var name in recipe.Inputs?.ByName.Keys ?? [])
        {
            if (!model.Graph.Inputs.Any(input => input.Name == name))
            {
                var known = string.Join(", ", model.Graph.Inputs.Where(input => input.Initializer is null).Select(input => input.Name));
                throw new CompressToolException(PlanErrors.UnknownInput, $"the model has no input '{name}'; it has {known}", recipe.Positions.LocationOf($"data.inputs.{name}"));
            }
        }
    }

    private JsonObject Ingredients(string kind, int version, BoundOptions options, CancellationToken cancellationToken)
    {
        var result = new JsonObject { ["format"] = StageKey.Format, ["kind"] = kind, ["version"] = version, ["tool"] = ToolVersion, ["options"] = Options(options) };
        var files = new JsonObject();
        foreach (var (path, file) in CanonicalOptions.Files(options.Value))
        {
            files[path] = HashAt(file.FullPath, options.LocationOf(path), cancellationToken);
        }

        foreach (var (path, set) in CanonicalOptions.FileSets(options.Value))
        {
            files[path] = HashAt(set, options.LocationOf(path), cancellationToken);
        }

        if (files.Count > 0)
        {
            result["files"] = files;
        }

        return result;
    }

    private string HashAt(string path, SourceLocation location, CancellationToken cancellationToken)
    {
        try
        {
            return hashes.Get(path, cancellationToken);
        }
        catch (CompressToolException e) when (e.Code == OnnxErrors.FileNotFound)
        {
            throw new CompressToolException(PlanErrors.FileNotFound, $"the file '{path}' does not exist; paths are relative to the recipe", location, e);
        }
    }

    private string HashAt(RecipeFiles files, SourceLocation location, CancellationToken cancellationToken)
    {
        try
        {
            return hashes.Get(FileSet.Find(files.FullPath, ImageSetReader.Extensions), cancellationToken);
        }
        catch (CompressToolException e) when (e.Code == OnnxErrors.FileNotFound)
        {
            throw new CompressToolException(PlanErrors.FileNotFound, $"{e.Message}; paths are relative to the recipe", location, e);
        }
    }

    private void AddMachine(JsonObject ingredients, bool depends)
    {
        if (depends)
        {
            ingredients["runtime"] = _machine.Value.Runtime;
            ingredients["cpu"] = _machine.Value.Cpu;
        }
    }

    private string GatesKey(Recipe recipe, InputModel input, string result, CancellationToken cancellationToken)
    {
        var gates = new JsonArray();
        foreach (var gate in recipe.Gates)
        {
            gates.Add(Ingredients(gate.Gate.Info.Kind, gate.Gate.Info.Version, gate.Options, cancellationToken));
        }

        var data = new JsonArray();
        if (recipe.Inputs is { } inputs)
        {
            foreach (var (name, file) in inputs.ByName.OrderBy(item => item.Key, StringComparer.Ordinal))
            {
                data.Add($"{name} {HashAt(file.FullPath, recipe.Positions.LocationOf($"data.inputs.{name}"), cancellationToken)}");
            }

            if (inputs.Safetensors is { } all)
            {
                data.Add(HashAt(all.FullPath, recipe.Positions.LocationOf("data.inputs"), cancellationToken));
            }
        }

        var ingredients = new JsonObject { ["input"] = input.Sha256, ["result"] = result, ["seed"] = recipe.Seed, ["gates"] = gates, ["data"] = data };
        AddMachine(ingredients, recipe.Gates.Any(gate => gate.Gate.DependsOnMachine));
        return StageKey.Of(ingredients);
    }
}
