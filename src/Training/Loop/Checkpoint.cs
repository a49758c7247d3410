using System.Globalization;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>How a training stands, besides what is in the blocks.</summary>
/// <param name="Step">Steps made.</param>
/// <param name="Loss">The smoothed loss.</param>
/// <param name="Scale">The scale of the loss.</param>
internal readonly record struct LoopState(long Step, SmoothedLoss Loss, LossScale Scale)
{
    /// <summary>The points of the <see cref="LossCurve"/>, as it writes them.</summary>
    public string Curve { get; init; } = "";
}

/// <summary>
/// A .safetensors file from which a training goes on bit by bit: parameters, optimizer state, moving average, counters, and
/// the configuration that they belong to. Written from, and read into, the memory in which they live.
/// </summary>
internal sealed class Checkpoint(Optimizer optimizer, MovingAverage? average, IReadOnlyList<KeyValuePair<string, string>> configuration)
{
    private const string Format = "compresstool checkpoint 1";
    private const string FormatKey = "format", StepKey = "step", LossKey = "loss sum", WeightKey = "loss weight", ScaleKey = "loss scale", ScaleStepsKey = "loss scale steps", CurveKey = "loss curve", ChecksumKey = "crc32c", OptionPrefix = "option ";

    /// <summary>What a file holds: parameters, optimizer state, moving average.</summary>
    public IReadOnlyList<ParameterBlock> Blocks => [.. Sections().Select(section => section.Block)];

    /// <summary>Writes a file, complete or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="state">How the training stands.</param>
    /// <param name="blocks">The blocks, or copies of them, in the order of <see cref="Blocks"/>.</param>
    /// <exception cref="CompressToolException">The file cannot be written.</exception>
    public void Write(string path, LoopState state, IReadOnlyList<ParameterBlock> blocks)
    {
        var tensors = Sections().Zip(blocks, (section, block) => (section.Prefix, Block: block)).SelectMany(section => section.Block.ToTensors().Select(tensor => KeyValuePair.Create(section.Prefix + tensor.Key, tensor.Value)))
            .OrderBy(tensor => tensor.Key, StringComparer.Ordinal).ToList();
        List<KeyValuePair<string, string>> metadata =
        [
            new(FormatKey, Format),
            new(StepKey, Numbers.Text(state.Step)),
            new(LossKey, Numbers.Text(state.Loss.Sum)),
            new(WeightKey, Numbers.Text(state.Loss.Weight)),
            new(ScaleKey, Numbers.Text(state.Scale.Value)),
            new(ScaleStepsKey, Numbers.Text(state.Scale.Steps)),
            new(CurveKey, state.Curve ?? ""),
            .. configuration.Select(option => KeyValuePair.Create(OptionPrefix + option.Key, option.Value)),
        ];
        SafetensorsFile.Write(path, tensors, [.. metadata, new(ChecksumKey, Checksum.Of(metadata, tensors))]);
    }

    /// <summary>Reads a file into the training. Nothing is changed when the file is refused.</summary>
    /// <param name="path">The file.</param>
    /// <param name="step">Steps made before, by the file's name.</param>
    /// <returns>How the training stood.</returns>
    /// <exception cref="CompressToolException">The file is damaged (<see cref="TrainingErrors.InvalidCheckpoint"/>) or of another training
    /// (<see cref="TrainingErrors.ForeignCheckpoint"/>).</exception>
    public LoopState Read(string path, long step)
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
            return new LoopState(step, new SmoothedLoss(Number(file, LossKey), Number(file, WeightKey)), new LossScale(Number(file, ScaleKey, 1), (long)Number(file, ScaleStepsKey, 0)))
            {
                Curve = file.Metadata.GetValueOrDefault(CurveKey, ""),
            };
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

    private static double Number(SafetensorsFile file, string key, double missing = double.NaN) =>
        file.Metadata.TryGetValue(key, out var text) ? double.Parse(text, CultureInfo.InvariantCulture) : missing;

    private static CompressToolException Damaged(SafetensorsFile file, string why) =>
        new(TrainingErrors.InvalidCheckpoint, $"the checkpoint '{file.Path}' is damaged: {why}");

    private static CompressToolException Foreign(SafetensorsFile file, string difference) =>
        new(TrainingErrors.ForeignCheckpoint, $"the checkpoint '{file.Path}' is of another training: {difference}; set it back, or delete the folder to start again");
}
