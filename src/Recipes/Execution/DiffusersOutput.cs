using CompressTool.Diffusion.Export;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>Puts a finished model into an output folder as a folder that diffusers loads.</summary>
internal static class DiffusersOutput
{
    /// <summary>The manifest in the folder. It says that the folder is ours, and is without content while the rest is written.</summary>
    public const string ManifestName = "compress.json";

    /// <summary>The configuration in the folder.</summary>
    public const string ConfigName = "config.json";

    private const string Unfinished = "{}\n";

    /// <summary>Writes the folder, unless it is there with the same content.</summary>
    /// <exception cref="CompressToolException">The model has become something that diffusers has no words for (CMP8011), or there is a folder of that name
    /// which is somebody else's (CMP3105).</exception>
    public static PublishedModel Publish(Plan plan, Artifact artifact, IReadOnlyList<GateOutcome> gates, RecipeOutput output, string folder, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, output.FileName);
        var manifest = Path.Combine(path, ManifestName);
        var wanted = Manifest.Write(plan, artifact, gates, output.FileName);
        var isNew = !Directory.Exists(path) || !Directory.EnumerateFileSystemEntries(path).Any();
        if (!isNew && !File.Exists(manifest))
        {
            throw new CompressToolException(StoreErrors.OutputUnusable, $"the folder '{path}' exists and is not from a recipe: it has no {ManifestName}; give the output another name, or remove the folder", output.Location);
        }

        string[] weights = isNew ? [] : Directory.GetFiles(path, "*.safetensors");
        if (weights.Length == 0 || !File.Exists(Path.Combine(path, ConfigName)) || !File.Exists(manifest) || File.ReadAllText(manifest) != wanted)
        {
            try
            {
                AtomicFile.Write(manifest, Unfinished);
                using var model = Model.Load(artifact.ModelPath);
                var exported = DiffusersExporter.Export(model, path, cancellationToken);

                // Of another class, perhaps, that this recipe made before.
                Array.ForEach(weights.Except(exported.Files).ToArray(), File.Delete);
                weights = [.. exported.Files.Where(file => file.EndsWith(".safetensors", StringComparison.Ordinal))];
                AtomicFile.Write(manifest, wanted);
            }
            catch (CompressToolException e)
            {
                e.Location ??= output.Location;
                if (isNew && Directory.Exists(path))
                {
                    Directory.Delete(path, recursive: true);
                }

                throw;
            }
        }

        return new PublishedModel(weights[0], manifest, null, [.. weights, Path.Combine(path, ConfigName), manifest]);
    }
}
