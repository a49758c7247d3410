using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Store;

/// <summary>Errors about the artifact store, locks and the disk: CMP31xx.</summary>
public static class StoreErrors
{
    /// <summary>The store's folder cannot be used.</summary>
    public static readonly ErrorCode FolderUnusable = new("CMP3101", "The folder of the artifact store cannot be used.", "Choose another one with --cache, CompressCacheDirectory, or the environment variable COMPRESS_CACHE.");
    /// <summary>The disk is full.</summary>
    public static readonly ErrorCode DiskFull = new("CMP3102", "The disk is full.", "Free space, or run 'dotnet compress cache clean'; nothing half-written was kept.");
    /// <summary>An artifact disappeared.</summary>
    public static readonly ErrorCode ArtifactLost = new("CMP3103", "An artifact disappeared from the store while it was needed.", "Run again; the missing stages are made anew.");
    /// <summary>An artifact is not what it was when it was made.</summary>
    public static readonly ErrorCode ArtifactDamaged = new("CMP3104", "An artifact in the store is damaged.", "Run 'dotnet compress cache verify --remove' and build again.");
    /// <summary>The output folder cannot be written.</summary>
    public static readonly ErrorCode OutputUnusable = new("CMP3105", "The output folder cannot be written.", "Choose another folder or check its permissions.");
    /// <summary>The plan in a folder cannot be used.</summary>
    public static readonly ErrorCode PlanUnusable = new("CMP3106", "The plan folder holds no usable plan.", "Build again; if it stays so, delete the obj/compress folder.");
}
