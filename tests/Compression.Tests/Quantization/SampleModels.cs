using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Real exported models with inputs: the fixtures, and the oracles when they are there.</summary>
internal static class SampleModels
{
    private static readonly (string Folder, string File, string Io)[] s_files =
    [
        ("unet2d", "model_op17_dynbatch.onnx", "io"),
        ("unet2d", "model_op17_dynbatch.onnx", "io_b3"),
        ("unet2d-cifarstyle", "model_op14.onnx", "io"),
        ("unet2d-cifarstyle", "model_op17_nofold.onnx", "io"),
        ("unet2d-cond", "model_op17.onnx", "io"),
        ("autoencoder-kl", "encoder_op14.onnx", "io"),
        ("autoencoder-kl", "encoder_op17.onnx", "io"),
        ("autoencoder-kl", "decoder_op14.onnx", "io"),
        ("autoencoder-kl", "decoder_op17.onnx", "io"),
        ("dit", "model_op14.onnx", "io"),
        ("dit", "model_op17_dynbatch.onnx", "io"),
        ("fashion-ddpm", "model_op17.onnx", "io"),
    ];

    /// <summary>A model of the repository's own fixtures.</summary>
    public static SampleModel Small { get; } = Find("unet2d-cifarstyle", "model_op14.onnx", "io")!;

    /// <summary>All that are there.</summary>
    public static IEnumerable<SampleModel> All => s_files.Select(file => Find(file.Folder, file.File, file.Io)).OfType<SampleModel>();

    private static SampleModel? Find(string folder, string file, string io)
    {
        var fixture = Repository.Fixture(folder, file);
        var root = File.Exists(fixture) ? Repository.Fixture(folder) : Repository.Oracle(folder, file) is null ? null : Repository.Oracle(folder);
        return root is null ? null : new SampleModel($"{folder}/{file}/{io}", Path.Combine(root, file), Path.Combine(root, io));
    }
}

/// <summary>A model file and a folder with its inputs.</summary>
internal sealed record SampleModel(string Name, string Path, string InputFolder)
{
    public Model Load() => Model.Load(Path);

    public Dictionary<string, Tensor> Inputs()
    {
        using var model = Load();
        return model.Graph.Inputs.ToDictionary(input => input.Name, input => NpyFile.Read(System.IO.Path.Combine(InputFolder, input.Name + ".npy")));
    }

    public override string ToString() => Name;
}
