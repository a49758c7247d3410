namespace CompressTool.Recipes.Build;

/// <summary>What the generated MSBuild project of one recipe is made from.</summary>
public sealed record ProjectPlan
{
    /// <summary>The recipe's name, e.g. <c>shop</c>: the project is <c>shop.proj</c>, and loggers show this name.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the folder that belongs to the recipe, <c>obj/compress/shop-1a2b3c4d/</c>.</summary>
    public required string Folder { get; init; }

    /// <summary>File name of the recipe, for the header of the project.</summary>
    public required string RecipeFileName { get; init; }

    /// <summary>The stages in the order of the plan; none when the recipe only states gates.</summary>
    public required IReadOnlyList<ProjectStage> Stages { get; init; }

    /// <summary>
    /// Text of <c>finish.args</c>: everything that the last step depends on besides the stages, i.e. the keys of the
    /// stages, the gates and the outputs. No absolute paths; it must be the same on every machine.
    /// </summary>
    public required string FinishArgsText { get; init; }

    /// <summary>Full paths of the files that the last step reads besides the stages' artifacts (the input model, data of gates).</summary>
    public IReadOnlyList<string> FinishInputs { get; init; } = [];

    /// <summary>
    /// The files that the last step publishes, relative to <see cref="Folder"/>, e.g. <c>artifacts/shop.onnx</c>; when one of
    /// them is missing the last step runs. The first is the model.
    /// </summary>
    public required IReadOnlyList<string> Artifacts { get; init; }
}

/// <summary>One stage of the generated MSBuild project.</summary>
/// <param name="Id">Number and kind, e.g. <c>01-prune</c>: names its files and its target (<c>Stage01_prune</c>).</param>
/// <param name="ArgsText">
/// Text of <c>01-prune.args</c>: canonical options, versions of stage and tool, seed. The stage runs again when it changes, so no
/// absolute paths and nothing that does not matter to the stage.
/// </param>
/// <param name="Inputs">Full paths of the files that the stage reads and that planning knows of (the input model of the first stage).</param>
public sealed record ProjectStage(string Id, string ArgsText, IReadOnlyList<string> Inputs)
{
    /// <summary>Ids of the stages whose artifacts this one reads; null is the stage before it.</summary>
    public IReadOnlyList<string>? After { get; init; }
}
