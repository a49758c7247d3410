using System.Globalization;
using System.Text.RegularExpressions;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Data;

/// <summary>
/// The classes of images from the names of their files. Classes get labels in the ordinal order of their names; where all
/// names are whole numbers, these are the labels.
/// </summary>
public static class FileLabels
{
    /// <summary>Takes the folder of each image as its class.</summary>
    public const string Folder = "folder";

    /// <summary>Stands for the class in a pattern of file names.</summary>
    public const string Placeholder = "{label}";

    /// <summary>Whether a text says where labels come from.</summary>
    /// <param name="from"><c>folder</c>, or a pattern with <c>{label}</c> in it, such as <c>{label}_*.png</c>.</param>
    public static bool IsValid(string from) => from == Folder || (from.Contains(Placeholder) && !from.Contains('/'));

    /// <summary>The label of each file.</summary>
    /// <param name="names">The files, with forward slashes.</param>
    /// <param name="from">See <see cref="IsValid"/>; null for none.</param>
    /// <exception cref="CompressToolException">A name has no class in it (<see cref="DiffusionErrors.InvalidImageSet"/>).</exception>
    public static (long[]? Labels, IReadOnlyList<string> Classes) Find(IReadOnlyList<string> names, string? from)
    {
        if (from is null)
        {
            return (null, []);
        }

        var classes = names.Select(name => ClassOf(name, from)).ToArray();
        var known = classes.Distinct().Order(StringComparer.Ordinal).ToArray();
        var numbers = known.Select(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1).ToArray();
        if (numbers.All(number => number >= 0))
        {
            return ([.. classes.Select(name => long.Parse(name, CultureInfo.InvariantCulture))],
                [.. Enumerable.Range(0, numbers.Max() + 1).Select(number => number.ToString(CultureInfo.InvariantCulture))]);
        }

        var labels = known.Index().ToDictionary(item => item.Item, item => (long)item.Index);
        return ([.. classes.Select(name => labels[name])], known);
    }

    /// <summary>The labels in a tensor: whole numbers in one dimension.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="source">What messages call it.</param>
    /// <exception cref="CompressToolException">It holds something else (<see cref="DiffusionErrors.InvalidImageSet"/>).</exception>
    public static long[] Check(Tensor tensor, string source) =>
        tensor.Dims.Count == 1 && tensor.Type is DataType.UInt8 or DataType.Int8 or DataType.Int16 or DataType.UInt16 or DataType.Int32 or DataType.UInt32 or DataType.Int64 ? tensor.ToInt64s()
            : throw new CompressToolException(DiffusionErrors.InvalidImageSet, $"'{source}' is {tensor}; labels are whole numbers, one for each image");

    private static string ClassOf(string name, string from)
    {
        if (from == Folder)
        {
            var parts = name.Split('/');
            return parts.Length > 1 ? parts[^2] : throw Invalid($"'{name}' is in no sub-folder, whose name would be its class");
        }

        var pattern = "^" + Regex.Escape(from).Replace(Regex.Escape(Placeholder), "(.+?)").Replace("\\*", ".*").Replace("\\?", ".") + "$";
        var match = Regex.Match(Path.GetFileName(name), pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        return match.Success ? match.Groups[1].Value : throw Invalid($"'{name}' does not match '{from}', so that its class is not known");
    }

    private static CompressToolException Invalid(string message) => new(DiffusionErrors.InvalidImageSet, message);
}
