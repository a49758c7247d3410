using System.Globalization;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// A .safetensors file from which a training goes on bit by bit: parameters, optimizer state, moving average, counters, and
/// the configuration that they belong to. Written from, and read into, the memory in which they live.
/// </summary>
internal sealed class Checkpoint(Optimizer optimizer, MovingAverage? average, IReadOnlyList<KeyValuePair<string, string>> configuration)
{
    private const string Format = "compresstool checkpoint 1";
    private const string FormatKey = "format", StepKey = "step", LossKey = "loss sum", WeightKey = "loss weight", ChecksumKey = "crc32c", OptionPrefix = "option ";

    /// <summary>Writes a file, complete or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="step">Steps made.</param>
    /// <param name="loss">The smoothed loss.</param>
    /// <exception cref="CompressToolException">The file cannot be written.</exception>
    public void Write(string path, long step, SmoothedLoss loss)
    {
        var tensors = Sections().SelectMany(section => section.Block.ToTensors().Select(tensor => KeyValuePair.Create(section.Prefix + tensor.Key, tensor.Value)))
            .OrderBy(tensor => tensor.Key, StringComparer.Ordinal).ToList();
        List<KeyValuePair<string, string>> metadata =
        [
            new(FormatKey, Format),
            new(StepKey, Numbers.Text(step)),
            new(LossKey, Numbers.Text(loss.Sum)),
            new(WeightKey, Numbers.Text(loss.Weight)),
            .. configuration.Select(option => KeyValuePair.Create(OptionPrefix + option.Key, option.Value)),
        ];
        SafetensorsFile.Write(path, tensors, [.. metadata, new(ChecksumKey, Checksum.Of(metadata, tensors))]);
    }

    /// <summary>Reads a file into the training. Nothing is changed when the file is refused.</summary>
    /// <param name="path">The file.</param>
    /// <param name="step">Steps made before, by the file's name.</param>
    /// <returns>The smoothed loss.</returns>
    /// <exception cref="CompressToolException">The file is damaged (<see cref="TrainingErrors.InvalidCheckpoint"/>) or of another training
    /// (<see cref="TrainingErrors.ForeignCheckpoint"/>).</exception>
    public SmoothedLoss Read(string path, long step)
    {
        SafetensorsFile file;
        try
        {
            file = SafetensorsFile.Open(path);
        }
        catch (CompressToolException e) when (e.Code == OnnxErrors.InvalidFile || e.Code == OnnxErrors.Unsupported)
        {
            throw new CompressToolException(TrainingErrors.InvalidCheckpoint, $"the checkpoint is damaged: {e.Message}", inner: e);
        }

        using (file)
        {
            if (file.Metadata.GetValueOrDefault(FormatKey) != Format)
            {
                throw Damaged(file, "it is not a checkpoint of this version");
            }

            var metadata = file.Metadata.Where(pair => pair.Key != ChecksumKey);
            if (Checksum.Of(metadata, file.Names.Order(StringComparer.Ordinal).Select(name => KeyValuePair.Create(name, file[name]))) != file.Metadata.GetValueOrDefault(ChecksumKey))
            {
                throw Damaged(file, "its content has changed since it was written");
            }

            if (file.Metadata[StepKey] != Numbers.Text(step))
            {
                throw Damaged(file, $"it is of step {file.Metadata[StepKey]} and has been renamed");
            }

            CheckConfiguration(file);
            CheckTensors(file);
            foreach (var (prefix, block) in Sections())
            {
                foreach (var (slot, array) in block.Layout.Slots.Zip(block.Arrays))
                {
                    array.CopyFrom(file[prefix + slot.Name]);
                }
            }

            optimizer.Resume(step);
            average?.Resume(step);
            return new SmoothedLoss(Number(file, LossKey), Number(file, WeightKey));
        }
    }

    private IEnumerable<(string Prefix, ParameterBlock Block)> Sections() =>
    [
        ("parameters/", optimizer.Parameters.Values),
        .. optimizer.State.Select(state => ($"optimizer/{state.Name}/", state.Block)),
        .. average is null ? Array.Empty<(string, ParameterBlock)>() : [("average/", average.Values)],
    ];

    private void CheckConfiguration(SafetensorsFile file)
    {
        var stored = file.Metadata.Where(pair => pair.Key.StartsWith(OptionPrefix, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[OptionPrefix.Length..], pair => pair.Value);
        foreach (var (name, value) in configuration)
        {
            if (!stored.Remove(name, out var was) || was != value)
            {
                throw Foreign(file, was is null ? $"'{name}' is new: {value}" : $"'{name}' was {was}, and is {value}");
            }
        }

        if (stored.Count > 0)
        {
            var (name, value) = stored.MinBy(pair => pair.Key, StringComparer.Ordinal);
            throw Foreign(file, $"'{name}' was {value}, and is not there now");
        }
    }

    private void CheckTensors(SafetensorsFile file)
    {
        var count = 0;
        foreach (var (prefix, block) in Sections())
        {
            count += block.Layout.Slots.Count;
            foreach (var slot in block.Layout.Slots)
            {
                if (!file.TryGet(prefix + slot.Name, out var tensor))
                {
                    throw Foreign(file, $"it has no '{prefix}{slot.Name}'");
                }

                if (tensor.Type != DataType.Float || !tensor.Dims.SequenceEqual(slot.Dims))
                {
                    throw Foreign(file, $"its '{prefix}{slot.Name}' is {tensor}, not float32[{string.Join(',', slot.Dims)}]");
                }
            }
        }

        if (count != file.Names.Count)
        {
            throw Foreign(file, $"it has {file.Names.Count} tensors, and this training {count}");
        }
    }

    private static double Number(SafetensorsFile file, string key) => double.Parse(file.Metadata[key], CultureInfo.InvariantCulture);

    private static CompressToolException Damaged(SafetensorsFile file, string why) =>
        new(TrainingErrors.InvalidCheckpoint, $"the checkpoint '{file.Path}' is damaged: {why}");

    private static CompressToolException Foreign(SafetensorsFile file, string difference) =>
        new(TrainingErrors.ForeignCheckpoint, $"the checkpoint '{file.Path}' is of another training: {difference}; set it back, or delete the folder to start again");
}
