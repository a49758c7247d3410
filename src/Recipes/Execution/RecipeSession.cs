using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>What to do with a recipe, as a command line or a build says it.</summary>
public sealed record RecipeRequest
{
    /// <summary>The recipe's path.</summary>
    public required string RecipePath { get; init; }

    /// <summary>Values for variables of the recipe.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>The folder that the recipe's paths must not leave; null looks for the project around the recipe.</summary>
    public string? ProjectFolder { get; init; }

    /// <summary>The store's folder; null takes COMPRESS_CACHE or else obj/compress/store of the project.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>The folder with the state of the recipe's last run; null takes one below obj/compress of the project.</summary>
    public string? StateFolder { get; init; }
}

/// <summary>A recipe with its plan, store and state, ready to run.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Plan">Its plan.</param>
/// <param name="Store">The store.</param>
/// <param name="State">What the last run did.</param>
public sealed record RecipeSession(Recipe Recipe, Plan Plan, ArtifactStore Store, RunState State)
{
    /// <summary>The environment variable that names the store's folder.</summary>
    public const string CacheVariable = "COMPRESS_CACHE";

    /// <summary>Reads a recipe and plans it.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="report">Receives everything that is wrong with the recipe.</param>
    /// <param name="cancellationToken">Cancels hashing.</param>
    /// <returns>The session; null when the recipe has errors, which have been reported.</returns>
    /// <exception cref="CompressToolException">A file is missing or invalid, or the store cannot be used.</exception>
    public static RecipeSession? Open(RecipeRequest request, Action<Diagnostic> report, CancellationToken cancellationToken)
    {
        var path = Path.GetFullPath(request.RecipePath);
        var project = request.ProjectFolder is { } given ? Path.GetFullPath(given) : RecipeLoader.FindProjectFolder(path);
        var result = RecipeLoader.Load(path, new RecipeLoadOptions { ProjectFolder = project, Variables = request.Variables });
        foreach (var diagnostic in result.Diagnostics)
        {
            report(diagnostic);
        }

        if (result.Recipe is not { } recipe)
        {
            return null;
        }

        var store = new ArtifactStore(CacheFolder(request.CacheFolder, project));
        var plan = new Planner(store.Hashes, MachineFacts.Current).Create(recipe, cancellationToken);
        return new RecipeSession(recipe, plan, store, new RunState(request.StateFolder ?? DefaultState(project, path, recipe.Name)));
    }

    /// <summary>Where the store is: the given folder, COMPRESS_CACHE, or obj/compress/store of a project.</summary>
    public static string CacheFolder(string? given, string project) =>
        given ?? (Environment.GetEnvironmentVariable(CacheVariable) is { Length: > 0 } configured ? configured : Path.Combine(project, "obj", "compress", "store"));

    private static string DefaultState(string project, string recipe, string name)
    {
        var relative = Path.GetRelativePath(project, recipe).Replace('\\', '/');
        return Path.Combine(project, "obj", "compress", $"{name}-{StageKey.Hash(relative)[..8]}");
    }
}
