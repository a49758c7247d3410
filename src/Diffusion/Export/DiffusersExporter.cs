using System.Text;
using System.Text.Json.Nodes;
using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Serialization;

namespace CompressTool.Diffusion.Export;

/// <summary>What an export wrote.</summary>
/// <param name="ClassName">The class of the model.</param>
/// <param name="Files">Full paths of the files, config.json last.</param>
/// <param name="Parameters">Number of parameters.</param>
/// <param name="Bytes">Bytes of the weights.</param>
/// <param name="Changes">The keys of the configuration that changed, with their new values.</param>
public sealed record ExportedModel(string ClassName, IReadOnlyList<string> Files, long Parameters, long Bytes, IReadOnlyDictionary<string, string> Changes);

/// <summary>
/// Writes an imported model as a folder that diffusers loads: config.json and a .safetensors file with the names of the state dict. The
/// weights may be others than at the import, and layers may have been removed; anything else has no form there.
/// </summary>
public static class DiffusersExporter
{
    /// <summary>Exports a model.</summary>
    /// <param name="model">A model that was imported from such a folder, or made of one.</param>
    /// <param name="folder">The folder; it is created, and files in it are replaced.</param>
    /// <param name="cancellationToken">Ends the writing; a half-written file does not stay.</param>
    /// <exception cref="CompressToolException">The model does not come from such a folder, or has become something that no configuration
    /// describes (CMP8011), or a file cannot be written (CMP2008).</exception>
    public static ExportedModel Export(Model model, string folder, CancellationToken cancellationToken = default)
    {
        var (className, text, name) = CheckOrigin(model);
        var known = ModelClass.Find(className, name);
        var original = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), name);
        var (config, parameters) = Describe(known, original, model, name);
        var types = StoredTypes.Read(model);
        var tensors = parameters.Concat(KeptTensors.Read(model)).ToDictionary(item => item.Key, item => ExactConversion.To(item.Value, types(item.Key)));
        var path = FilePath.Full(folder);
        CreateFolder(path);
        var weights = SafetensorsFile.Write(Path.Combine(path, known.WeightName + ".safetensors"), tensors, [new("format", "pt")], cancellationToken);
        var configPath = Path.Combine(path, ConfigFile.Name);
        using var files = new AtomicFiles();
        var bytes = Encoding.UTF8.GetBytes(config.ToJson(indented: true) + "\n");
        files.Write(configPath, bytes.Length, stream => stream.Write(bytes));
        files.Commit();
        return new ExportedModel(className, [weights.Path, configPath], tensors.Values.Sum(tensor => tensor.Count), tensors.Values.Sum(tensor => tensor.ByteLength), Changes(original, config));
    }

    /// <summary>Checks that a model comes from a diffusers folder.</summary>
    /// <returns>Its class, the configuration it had there, and what messages call it.</returns>
    /// <exception cref="CompressToolException">It does not, or is a part of a component (CMP8011).</exception>
    public static (string ClassName, string Config, string Name) CheckOrigin(Model model)
    {
        var name = model.Path ?? "the model";
        if (Metadata(model, DiffusersImporter.ClassKey) is not { } className || Metadata(model, DiffusersImporter.ConfigKey) is not { } config)
        {
            throw new CompressToolException(DiffusionErrors.NotExpressible, $"'{name}' does not come from a diffusers folder: its metadata have no {DiffusersImporter.ClassKey}; import the folder with 'dotnet compress import' and compress that model");
        }

        return className.IndexOf(DiffusersComponent.PartSeparator) is var dot and > 0
            ? throw new CompressToolException(DiffusionErrors.NotExpressible, $"'{name}' is the {className[(dot + 1)..]} of an {className[..dot]} alone, and a checkpoint has all parts; import the whole component")
            : (className, config, name);
    }

    /// <summary>The configuration that describes a model, and the model's tensors by the names of the state dict.</summary>
    private static (ConfigFile Config, IReadOnlyDictionary<string, Tensor> Parameters) Describe(ModelClass known, ConfigFile original, Model model, string name)
    {
        var asItWas = Compare(known, original, model);
        if (asItWas.Difference is null)
        {
            return (original, asItWas.Parameters);
        }

        var reduced = new ConfigFile(original.Path, original.Content.DeepClone().AsObject());
        known.Reduce(reduced.Content, new ParameterTree([.. model.Graph.Initializers.Select(value => value.Name)]));
        var difference = asItWas.Difference;
        if (!JsonNode.DeepEquals(reduced.Content, original.Content))
        {
            try
            {
                var afterwards = Compare(known, reduced, model);
                if (afterwards.Difference is null)
                {
                    return (reduced, afterwards.Parameters);
                }

                difference = afterwards.Difference;
            }
            catch (CompressToolException e) when (e.Code == DiffusionErrors.UnsupportedConfig)
            {
                difference = e.Message;
            }
        }

        throw new CompressToolException(DiffusionErrors.NotExpressible,
            $"'{name}' is no longer a {known.Name} that a configuration describes: {difference}. Other weights, fewer layers and fewer blocks can be written; keep the .onnx file for the rest");
    }

    private static GraphMatch Compare(ModelClass known, ConfigFile config, Model model)
    {
        // A model may have been imported for a certain size.
        var image = model.Graph.Inputs.FirstOrDefault(input => input.Shape is { Count: 4 })?.Shape;
        var size = image?[2].Value is { } height && image[3].Value is { } width ? new ImageSize((int)height, (int)width) : (ImageSize?)null;
        using var described = DiffusersImporter.Build(known, null, config, new FreshWeights(0), new ImportOptions { Size = size });
        return GraphMatch.Run(described.Graph, model.Graph);
    }

    private static Dictionary<string, string> Changes(ConfigFile original, ConfigFile config) => config.Content
        .Where(item => !original.Content.ContainsKey(item.Key) || !JsonNode.DeepEquals(item.Value, original.Content[item.Key]))
        .ToDictionary(item => item.Key, item => item.Value?.ToJsonString() ?? "null");

    private static string? Metadata(Model model, string key) => model.Metadata.FirstOrDefault(pair => pair.Key == key).Value;

    private static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.WriteFailed, $"the folder '{path}' cannot be created: {e.Message}", inner: e);
        }
    }
}
