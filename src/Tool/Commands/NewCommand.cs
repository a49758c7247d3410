using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Documentation;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Store;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Commands;

/// <summary><c>new</c>: writes a recipe to start from.</summary>
internal sealed class NewCommand : ToolCommand
{
    private const string Suffix = ".compress.yml";

    private readonly Argument<string?> _name = new("NAME")
    {
        Description = "Name of the recipe, which is written to NAME.compress.yml; by default the model's.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _model = new("--model", "-m") { Description = "The .onnx file or diffusers folder to compress.", HelpName = "FILE", Required = true };

    private readonly Option<string> _method = new("--method")
    {
        Description = "What is done to the model.",
        HelpName = string.Join('|', RecipeText.Methods),
        Required = true,
        Validators =
        {
            result =>
            {
                if (result.Tokens is [{ Value: var method }, ..] && !RecipeText.Methods.Contains(method))
                {
                    result.AddError($"'{method}' is not a method{NearestName.Hint(method, RecipeText.Methods)}");
                }
            },
        },
    };

    private readonly Option<bool> _force = new("--force") { Description = "Overwrite a recipe that exists." };

    public NewCommand()
        : base("new", "Write a recipe to start from.")
    {
        Add(_name);
        Add(_model);
        Add(_method);
        Add(_force);
    }

    /// <inheritdoc/>
    public override bool FilesAreArguments => true;

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var model = Path.GetFullPath(context.Get(_model));
        if (Directory.Exists(model) || (!File.Exists(model) && model.Contains(DiffusersComponent.Separator)))
        {
            DiffusersComponent.Find(model);
        }
        else if (!File.Exists(model))
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"the model '{model}' does not exist");
        }

        var path = RecipePath(context.Get(_name), model);
        if (File.Exists(path) && !context.Get(_force))
        {
            throw new CompressToolException(ToolErrors.FileExists, $"'{path}' exists already; choose another name, or overwrite it with --force");
        }

        var text = RecipeText.Create(context.Get(_method), Path.GetRelativePath(Path.GetDirectoryName(path)!, model));
        if (!Check(text, path, context.Console))
        {
            return Task.FromResult(ExitCodes.Usage);
        }

        var schema = Path.Combine(Path.GetDirectoryName(path)!, RecipeText.SchemaName);
        AtomicFile.Write(path, text);
        AtomicFile.Write(schema, RecipeSchema.Write());
        context.WriteResult(new JsonObject { ["recipe"] = path, ["schema"] = schema }, output =>
        {
            output.WriteLine($"wrote {path}");
            output.WriteLine($"      {schema}, with which editors complete and check it");
        });
        return Task.FromResult(ExitCodes.Success);
    }

    private static string RecipePath(string? name, string model)
    {
        name ??= Directory.Exists(model) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(model)) : Path.GetFileNameWithoutExtension(model).Replace(DiffusersComponent.Separator, '-');
        return Path.GetFullPath(name.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase) ? name : name + Suffix);
    }

    // The path of the model may be one that recipes do not allow: then nothing is written.
    private static bool Check(string text, string path, IToolConsole console)
    {
        var options = new RecipeLoadOptions { ProjectFolder = RecipeLoader.FindProjectFolder(path) };
        var diagnostics = RecipeLoader.Parse(Encoding.UTF8.GetBytes(text), path, options).Diagnostics;
        foreach (var diagnostic in diagnostics)
        {
            console.Error(diagnostic.Code, diagnostic.Message);
        }

        return diagnostics.Count == 0;
    }
}
