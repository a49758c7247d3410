using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Documentation;

/// <summary>
/// Errors and warnings that the MSBuild package reports itself: CMP00xx. The package has no dependencies and so writes the
/// codes as text; they are declared here for the reference, and a test keeps the two in step.
/// </summary>
public static class BuildErrors
{
    /// <summary>The SDK is too old.</summary>
    public static readonly ErrorCode SdkTooOld = new("CMP0001", "The .NET SDK is too old to build with CompressTool.Tasks.", "Install the .NET SDK 10 or newer, or let global.json choose one. The project may target any framework.");
    /// <summary>The recipe does not exist.</summary>
    public static readonly ErrorCode RecipeNotFound = new("CMP0002", "The recipe of a CompressRecipe item does not exist.", "Check the path; it is relative to the project.");
    /// <summary>The model has not been made.</summary>
    public static readonly ErrorCode ModelNotBuilt = new("CMP0003", "A model has not been made, and this build must not make it.", "Build the project first, without --no-build.");
    /// <summary>Two recipes make the same model.</summary>
    public static readonly ErrorCode DuplicateModel = new("CMP0004", "Several recipes would make the same model.", "Include each recipe once; give one another file name, or another folder by the metadata ModelFolder.");
    /// <summary>The tool does not exist.</summary>
    public static readonly ErrorCode ToolNotFound = new("CMP0005", "The tool that CompressToolPath names does not exist.", "Name dotnet-compress.dll, or unset the property to use the tool in the package.");
    /// <summary>A variable that is not name=value.</summary>
    public static readonly ErrorCode InvalidVariable = new("CMP0006", "CompressVariables or the metadata Variables is not a list of name=value.", "Separate the entries by semicolons; write a semicolon inside a value as %3B.");
    /// <summary>An argument that cannot be passed on.</summary>
    public static readonly ErrorCode InvalidArgument = new("CMP0007", "A property or metadata holds double quotes or line breaks, which cannot be passed to the tool.", "Remove them.");
    /// <summary>The tool failed without an error.</summary>
    public static readonly ErrorCode ToolFailed = new("CMP0008", "The tool ended without saying why it failed.", "Build with -v:d to see all that it printed.");
    /// <summary>A model folder outside the application.</summary>
    public static readonly ErrorCode InvalidModelFolder = new("CMP0009", "CompressModelFolder or the metadata ModelFolder leaves the application's folder.", "Write a folder relative to it, e.g. models/.");
    /// <summary>Recipes that are declared too late.</summary>
    public static readonly ErrorCode LateRecipe = new("CMP0010", "CompressRecipe items were added too late to be seen.", "Declare them in the project file or in Directory.Build.props, outside targets.");
    /// <summary>The .NET host does not exist.</summary>
    public static readonly ErrorCode HostNotFound = new("CMP0011", "The .NET host that CompressToolDotNetHost names does not exist.", "Name the dotnet executable, or unset the property to use the one that runs the build.");
    /// <summary>A folder could not be deleted (warning).</summary>
    public static readonly ErrorCode FolderNotDeleted = new("CMP0012", "A folder of a removed recipe could not be deleted (warning).", "Close the program that uses it; the next build tries again.");
    /// <summary>The intermediate folder holds the project.</summary>
    public static readonly ErrorCode InvalidIntermediatePath = new("CMP0013", "CompressIntermediatePath holds the project itself.", "Choose a folder of its own, e.g. obj/compress/.");
    /// <summary>Two recipes make the same class.</summary>
    public static readonly ErrorCode DuplicateClass = new("CMP0014", "Several recipes would make the same class.", "Give one another name by the metadata ClassName.");
}
