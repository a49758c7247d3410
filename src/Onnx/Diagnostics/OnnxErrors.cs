namespace CompressTool.Onnx.Diagnostics;

/// <summary>Errors about model and tensor files: CMP20xx.</summary>
public static class OnnxErrors
{
    /// <summary>The file does not exist.</summary>
    public static readonly ErrorCode FileNotFound = new("CMP2001", "A model or tensor file does not exist.", "Check the path; paths in a recipe are relative to the recipe.");
    /// <summary>The file is not in the format it should be.</summary>
    public static readonly ErrorCode InvalidFile = new("CMP2002", "A file is not a valid model or tensor file.", "Export the model again; an interrupted download or a Git LFS pointer file is the usual cause.");
    /// <summary>An external data file is missing or too short.</summary>
    public static readonly ErrorCode ExternalDataMissing = new("CMP2003", "A weight file that the model refers to is missing or too short.", "Copy the model together with its weight files.");
    /// <summary>An external data location leaves the model's folder.</summary>
    public static readonly ErrorCode ExternalDataOutside = new("CMP2004", "A model refers to a weight file outside its own folder.", "Such models are refused for safety; save the model with its weights beside it.");
    /// <summary>The graph is not valid.</summary>
    public static readonly ErrorCode InvalidGraph = new("CMP2005", "The graph of a model is not valid.", "Check the exporter; the message names the node.");
    /// <summary>Shapes or types contradict each other.</summary>
    public static readonly ErrorCode ShapeMismatch = new("CMP2006", "Shapes or types in a model contradict each other.", "Check the exporter; the message names the node.");
    /// <summary>The model uses something that is not supported.</summary>
    public static readonly ErrorCode Unsupported = new("CMP2007", "A model uses something that is not supported.", "The message says what; a newer version may support it.");
    /// <summary>The file cannot be written.</summary>
    public static readonly ErrorCode WriteFailed = new("CMP2008", "A file cannot be written.", "Free disk space or choose another folder; nothing half-written was kept.");
    /// <summary>The file cannot be read.</summary>
    public static readonly ErrorCode ReadFailed = new("CMP2009", "A file cannot be read.", "Check the permissions of the file.");
    /// <summary>A name that something in the model should have, and nothing has.</summary>
    public static readonly ErrorCode UnknownName = new("CMP2010", "A model has no input or dimension of that name.", "The message lists the names there are.");
}
