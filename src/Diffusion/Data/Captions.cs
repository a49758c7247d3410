using System.Text.Json;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Data;

/// <summary>
/// Descriptions of images: from a .jsonl file as the image folders of the datasets library have it, one object with
/// <c>file_name</c> and <c>text</c> a line, or from a .txt file beside each image.
/// </summary>
public static class Captions
{
    /// <summary>The name that is looked for in the folder of the images.</summary>
    public const string FileName = "metadata.jsonl";

    /// <summary>The caption of each image.</summary>
    /// <param name="root">The folder that the names are relative to.</param>
    /// <param name="names">The files of the images, with forward slashes.</param>
    /// <param name="path">The .jsonl file; by default <see cref="FileName"/> in the folder when it is there, else .txt files.</param>
    /// <exception cref="CompressToolException">A file is missing or damaged, or an image has no caption (<see cref="DiffusionErrors.InvalidImageSet"/>).</exception>
    public static IReadOnlyList<string> Read(string root, IReadOnlyList<string> names, string? path = null)
    {
        path ??= Path.Combine(root, FileName) is var standard && File.Exists(standard) ? standard : null;
        return path is not null ? FromLines(names, path) : [.. names.Select(name => FromText(root, name))];
    }

    private static string FromText(string root, string name)
    {
        var path = Path.ChangeExtension(Path.Combine(root, name), ".txt");
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Invalid($"'{name}' has no caption: there is neither a {FileName} in '{root}' nor '{path}'", e);
        }
    }

    private static IReadOnlyList<string> FromLines(IReadOnlyList<string> names, string path)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        var number = 0;
        try
        {
            foreach (var line in File.ReadLines(path).Select(line => line.Trim()))
            {
                number++;
                if (line.Length > 0)
                {
                    using var json = JsonDocument.Parse(line);
                    texts[json.RootElement.GetProperty("file_name").GetString()!] = json.RootElement.GetProperty("text").GetString()!;
                }
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentNullException)
        {
            throw Invalid($"line {number} of '{path}' is not {{ \"file_name\": ..., \"text\": ... }}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, $"'{path}' cannot be read: {e.Message}", inner: e);
        }

        return [.. names.Select(name => texts.GetValueOrDefault(name) ?? texts.GetValueOrDefault(Path.GetFileName(name)) ?? throw Invalid($"'{path}' has no caption for '{name}'"))];
    }

    private static CompressToolException Invalid(string message, Exception? inner = null) => new(DiffusionErrors.InvalidImageSet, message, inner: inner);
}
