using System.Diagnostics;
using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>Keeps how far a sweep has come in a file, so that one that was cut off goes on where it stood.</summary>
/// <param name="path">The file.</param>
/// <param name="configuration">What the sweep depends on: what others have left is not used.</param>
/// <param name="interval">The least time between two savings.</param>
internal sealed class SweepCheckpoint(string path, string configuration, TimeSpan interval)
{
    private const string Configuration = "configuration", Losses = "losses";

    private long _saved = Stopwatch.GetTimestamp();

    /// <summary>Puts back the sums that were saved last.</summary>
    /// <param name="sum">Where they go; of zeros.</param>
    /// <returns>The losses of the timesteps that they hold; none when nothing was saved.</returns>
    public IEnumerable<double> Restore(GradientSum sum)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault(Configuration) != configuration || !file.Metadata.TryGetValue(Losses, out var losses))
        {
            return [];
        }

        foreach (var (name, _) in sum.ToTensors())
        {
            sum.Block[name].CopyFrom(file[name]);
        }

        return [.. JsonNode.Parse(losses)!.AsArray().Select(loss => loss!.GetValue<double>())];
    }

    /// <summary>Saves the sums, unless that was done just now.</summary>
    public void Save(GradientSum sum, IEnumerable<double> losses, CancellationToken cancellationToken)
    {
        if (Stopwatch.GetElapsedTime(_saved) < interval)
        {
            return;
        }

        var numbers = new JsonArray([.. losses.Select(loss => (JsonNode)loss)]).ToJsonString();
        SafetensorsFile.Write(path, sum.ToTensors(), new Dictionary<string, string> { [Configuration] = configuration, [Losses] = numbers }, cancellationToken);
        _saved = Stopwatch.GetTimestamp();
    }

    /// <summary>Deletes the file: the sweep is done.</summary>
    public void Delete() => File.Delete(path);
}
