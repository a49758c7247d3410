using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Planning;

/// <summary>Errors of turning a recipe into a plan: CMP11xx.</summary>
public static class PlanErrors
{
    /// <summary>A file that the recipe names does not exist.</summary>
    public static readonly ErrorCode FileNotFound = new("CMP1101", "A file that the recipe names does not exist.", "Check the path; paths are relative to the recipe.");
    /// <summary>A given input names no input of the model.</summary>
    public static readonly ErrorCode UnknownInput = new("CMP1102", "A given input is not an input of the model.", "The message lists the model's inputs.");
    /// <summary>A gate on figures of a stage that is not there.</summary>
    public static readonly ErrorCode NoEvaluation = new("CMP1103", "A gate looks at figures of a stage evaluate, and the last stage is another.", "Add the stage evaluate at the end of the recipe.");
}
