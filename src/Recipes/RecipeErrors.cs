using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes;

/// <summary>Errors about the text of a recipe: CMP10xx. Each is reported at file(line,column), all of a file in one go.</summary>
public static class RecipeErrors
{
    /// <summary>The text is not YAML.</summary>
    public static readonly ErrorCode Syntax = new("CMP1001", "The recipe is not valid YAML.", "Check indentation, colons, quotes and brackets at the place that is shown.");
    /// <summary>A key that does not exist.</summary>
    public static readonly ErrorCode UnknownKey = new("CMP1002", "A key does not exist.", "The message lists the allowed keys and offers the nearest one; docs/recipes describes them.");
    /// <summary>A required key is missing.</summary>
    public static readonly ErrorCode MissingKey = new("CMP1003", "A required key is missing.", "Add the key; the message shows an example where there is one.");
    /// <summary>A word that is not one of the allowed ones.</summary>
    public static readonly ErrorCode UnknownValue = new("CMP1004", "A value is not one of the allowed words.", "The message offers the nearest one or lists them.");
    /// <summary>A value of the wrong type.</summary>
    public static readonly ErrorCode WrongType = new("CMP1005", "A value has the wrong type.", "The message says what is expected. Text that looks like a number needs quotes, a number must not have them.");
    /// <summary>A number outside its range.</summary>
    public static readonly ErrorCode OutOfRange = new("CMP1006", "A number is out of range.", "The message says the range.");
    /// <summary>A key is given twice.</summary>
    public static readonly ErrorCode DuplicateKey = new("CMP1007", "A key is given twice in the same mapping.", "Remove one of the two; the message names the first place.");
    /// <summary>A key has no value.</summary>
    public static readonly ErrorCode NoValue = new("CMP1008", "A key has no value.", "Write a value behind the colon, or remove the key to get its default.");
    /// <summary>Not exactly one of several keys is given.</summary>
    public static readonly ErrorCode NotExactlyOne = new("CMP1009", "Exactly one of several keys must be given.", "Keep one of the keys that the message lists.");
    /// <summary>A stage kind that does not exist.</summary>
    public static readonly ErrorCode UnknownStage = new("CMP1010", "A kind of stage does not exist.", "The message offers the nearest one or lists them; docs/recipes describes them.");
    /// <summary>A gate kind that does not exist.</summary>
    public static readonly ErrorCode UnknownGate = new("CMP1011", "A kind of gate does not exist.", "The message offers the nearest one or lists them; docs/recipes describes them.");
    /// <summary>A recipe of another version of the language.</summary>
    public static readonly ErrorCode UnsupportedVersion = new("CMP1012", "The recipe is written in a version of the language that this tool does not know.", "Write version: 1, or update the tool.");
    /// <summary>Options that are valid alone but not together.</summary>
    public static readonly ErrorCode InvalidOption = new("CMP1013", "An option does not fit the other options of its stage or gate.", "The message says why and what to write.");
    /// <summary>A recipe without stages.</summary>
    public static readonly ErrorCode NoStages = new("CMP1014", "The recipe has no stages.", "Add at least one stage, e.g. - quantize: { scheme: fp16 }.");
    /// <summary>A stage that is not one kind with its options.</summary>
    public static readonly ErrorCode InvalidStage = new("CMP1015", "A stage is not written as one kind with its options.", "Write each stage as a list item of its own: - kind: { option: value }.");
    /// <summary>A path that is not a relative path.</summary>
    public static readonly ErrorCode InvalidPath = new("CMP1016", "A path is not a relative path with forward slashes.", "Write the path relative to the recipe, e.g. models/unet.onnx, so that the recipe works on every machine.");
    /// <summary>A path that leaves the project.</summary>
    public static readonly ErrorCode PathOutsideProject = new("CMP1017", "A path leaves the project's folder.", "Copy the file into the project; a recipe reads only what is built and versioned with it.");
    /// <summary>A model that cannot be read.</summary>
    public static readonly ErrorCode UnsupportedModel = new("CMP1018", "The model is neither an .onnx file nor a diffusers folder.", "Name an .onnx file, or the folder with model_index.json or config.json; export other models to ONNX.");
    /// <summary>An output name that is not a plain file name.</summary>
    public static readonly ErrorCode InvalidOutputName = new("CMP1019", "An output's name is not a plain .onnx file name, or not a plain folder name for diffusers.", "Write a name without folders before it, e.g. shop.onnx.");
    /// <summary>Two outputs with one name.</summary>
    public static readonly ErrorCode DuplicateOutput = new("CMP1020", "Two outputs have the same file name.", "Give each output a name of its own; case does not count.");
    /// <summary>Given inputs of an unknown format.</summary>
    public static readonly ErrorCode UnsupportedInputFile = new("CMP1021", "A given input is not a .npy or .safetensors file.", "Write one .npy file for each input of the model, or one .safetensors file for all.");

    /// <summary>A variable that is not declared.</summary>
    public static readonly ErrorCode UndefinedVariable = new("CMP1030", "A variable is used but not declared.", "Declare it under variables:, or write $${ for a literal ${.");
    /// <summary>A variable that is not used.</summary>
    public static readonly ErrorCode UnusedVariable = new("CMP1031", "A variable is declared but not used.", "Use it as ${name} or remove it.");
    /// <summary>A value for a variable that the recipe does not declare.</summary>
    public static readonly ErrorCode UnknownOverride = new("CMP1032", "A value is set for a variable that the recipe does not declare.", "Check the name behind --set, or declare the variable under variables:.");
    /// <summary>A variable that is not a name with a plain value.</summary>
    public static readonly ErrorCode InvalidVariable = new("CMP1033", "A variable is not a name with a plain value.", "Variables are names of letters, digits, _, - and . with a single value that uses no other variable.");

    /// <summary>The recipe does not exist.</summary>
    public static readonly ErrorCode FileNotFound = new("CMP1040", "The recipe does not exist.", "Check the path.");
    /// <summary>The recipe cannot be read.</summary>
    public static readonly ErrorCode ReadFailed = new("CMP1041", "The recipe cannot be read.", "Check the permissions of the file.");
    /// <summary>The recipe is too large.</summary>
    public static readonly ErrorCode TooLarge = new("CMP1042", "The recipe is larger than 1 MB.", "Recipes are short texts; check whether the right file is named.");
    /// <summary>The recipe is nested too deeply.</summary>
    public static readonly ErrorCode TooDeep = new("CMP1043", "The recipe is nested more than 64 levels deep.", "Check for unclosed brackets.");
    /// <summary>The recipe has too many values.</summary>
    public static readonly ErrorCode TooManyNodes = new("CMP1044", "The recipe has more than 100,000 values.", "Check whether the right file is named.");
    /// <summary>The recipe is not UTF-8.</summary>
    public static readonly ErrorCode InvalidEncoding = new("CMP1045", "The recipe is not UTF-8 text.", "Save the file as UTF-8.");
    /// <summary>The recipe has control characters.</summary>
    public static readonly ErrorCode ControlCharacter = new("CMP1046", "The recipe contains a control character.", "Remove the character; in text in double quotes it can be written as an escape.");
    /// <summary>The recipe is indented with tabs.</summary>
    public static readonly ErrorCode TabIndentation = new("CMP1047", "A line is indented with a tab.", "YAML allows only spaces; set the editor to insert spaces.");
    /// <summary>The recipe is empty.</summary>
    public static readonly ErrorCode Empty = new("CMP1048", "The recipe is empty.", "Write at least version, model and stages; 'dotnet compress new' writes one.");
    /// <summary>The recipe has several documents.</summary>
    public static readonly ErrorCode SeveralDocuments = new("CMP1049", "The file contains more than one YAML document.", "Write one recipe per file.");
    /// <summary>A feature of YAML that recipes do not have.</summary>
    public static readonly ErrorCode UnsupportedYaml = new("CMP1050", "Anchors, aliases, tags, merge keys and complex keys are not part of the recipe language.", "Write the value out, or use a variable: ${name}.");
    /// <summary>More errors than are shown.</summary>
    public static readonly ErrorCode TooManyErrors = new("CMP1051", "The recipe has more errors than are shown.", "Correct the errors that are shown first.");
}
