using CompressTool.Diffusion.Import;

namespace CompressTool.Tool.Inference;

/// <summary>A model that the command line names, as an .onnx file: that of a diffusers folder is made for as long as it is needed.</summary>
internal sealed class ModelFile : IDisposable
{
    private readonly string? _temporary;

    private ModelFile(string given, string path, string? temporary) => (Given, Path, _temporary) = (given, path, temporary);

    /// <summary>What the command line says.</summary>
    public string Given { get; }

    /// <summary>The .onnx file.</summary>
    public string Path { get; }

    /// <summary>What a report calls it: the file or the folder, without those around it.</summary>
    public string Name => System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Given)));

    /// <summary>Whether the command line names a diffusers folder.</summary>
    public static bool IsFolder(string given) => !File.Exists(given) && (Directory.Exists(given) || given.Contains(DiffusersComponent.Separator));

    /// <summary>Opens a model.</summary>
    /// <param name="given">An .onnx file, or a diffusers folder, perhaps with <c>#component</c> behind it.</param>
    /// <param name="cancellationToken">Ends the import.</param>
    public static ModelFile Open(string given, CancellationToken cancellationToken)
    {
        if (!IsFolder(given))
        {
            return new ModelFile(given, given, null);
        }

        using var model = DiffusersImporter.Import(DiffusersComponent.Find(given));
        var folder = Directory.CreateTempSubdirectory("dotnet-compress-").FullName;
        var file = new ModelFile(given, System.IO.Path.Combine(folder, "model.onnx"), folder);
        try
        {
            model.Save(file.Path, cancellationToken: cancellationToken);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_temporary is not null)
        {
            Directory.Delete(_temporary, recursive: true);
        }
    }
}
