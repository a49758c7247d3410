namespace CompressTool.Compression.Options;

/// <summary>Files that a recipe names by a file, a folder or a pattern (train/*.png), relative to the recipe; names and contents take part in the stage key.</summary>
/// <param name="Text">The path as written.</param>
/// <param name="FullPath">The full path or pattern, set by the binder.</param>
public sealed record RecipeFiles(string Text, string FullPath)
{
    /// <summary>The path as written.</summary>
    public override string ToString() => Text;
}
