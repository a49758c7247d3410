using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Schedules;

/// <summary>
/// The configuration of a diffusers scheduler (<c>scheduler_config.json</c>): a class, and keys. A key that the class does not
/// take but others do is ignored, as diffusers does; what nobody takes, and values that are not supported, are errors.
/// </summary>
public sealed class SchedulerConfig
{
    /// <summary>What <see cref="ClassName"/> is when nothing says otherwise.</summary>
    public const string DefaultClass = "DDPMScheduler";

    /// <summary>The name of the file.</summary>
    public const string FileName = "scheduler_config.json";

    /// <summary>The metadata key of an imported model that holds the file of its pipeline.</summary>
    private const string MetadataKey = "diffusers.scheduler";

    private static readonly (string Name, PredictionType Value)[] s_predictions =
    [
        ("epsilon", PredictionType.Epsilon),
        ("sample", PredictionType.Sample),
        ("v_prediction", PredictionType.Velocity),
        ("flow_prediction", PredictionType.Flow),
    ];

    private readonly JsonObject _values;

    private SchedulerConfig(string className, JsonObject values, string? source)
    {
        (ClassName, _values, Source) = (className, values, source);
        foreach (var key in values.Select(pair => pair.Key).Where(key => !key.StartsWith('_') && !SchedulerKeys.All.Contains(key)))
        {
            throw Unsupported($"the key '{key}' is not known, and may change what the scheduler does{NearestName.Hint(key, SchedulerKeys.All)}");
        }
    }

    /// <summary>DDPM with 1000 timesteps, betas on a line from 0.0001 to 0.02, and a model that predicts the noise.</summary>
    public static SchedulerConfig Default { get; } = new(DefaultClass, [], null);

    /// <summary>The class, e.g. <c>DDIMScheduler</c>.</summary>
    public string ClassName { get; }

    /// <summary>The file it comes from; null when from none.</summary>
    public string? Source { get; }

    /// <summary>Whether the model is trained by flow matching, without a schedule of betas.</summary>
    public bool IsFlow => ClassName.StartsWith("FlowMatch", StringComparison.Ordinal) || Flag("use_flow_sigmas");

    /// <summary>What the model predicts.</summary>
    /// <exception cref="CompressToolException">Something else.</exception>
    public PredictionType Prediction => ClassName.StartsWith("FlowMatch", StringComparison.Ordinal) ? PredictionType.Flow : Choice("prediction_type", "epsilon", s_predictions);

    /// <summary>Reads a file.</summary>
    /// <exception cref="CompressToolException">It is missing, is not the configuration of a scheduler, or has an unknown key.</exception>
    public static SchedulerConfig Load(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(DiffusionErrors.InvalidScheduler, $"'{path}' cannot be read: {e.Message}", inner: e);
        }
    }

    /// <summary>The configuration that an imported model brings in its metadata; null when it has none.</summary>
    /// <exception cref="CompressToolException">It has an unknown class or key.</exception>
    public static SchedulerConfig? Of(Model model) =>
        model.Metadata.FirstOrDefault(entry => entry.Key == MetadataKey).Value is { } text ? Parse(text, $"the metadata {MetadataKey} of the model") : null;

    /// <summary>Puts a file into a model's metadata. What is not supported is found out when it is used: the model is none the worse.</summary>
    /// <exception cref="CompressToolException">The file cannot be read, or is not JSON.</exception>
    internal static void Write(Model model, string path)
    {
        try
        {
            model.Metadata.Add(new(MetadataKey, JsonNode.Parse(PythonJson.ToJson(File.ReadAllText(path)))!.ToJsonString()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            throw new CompressToolException(DiffusionErrors.InvalidScheduler, $"'{path}' is not the configuration of a scheduler: {e.Message}", inner: e);
        }
    }

    /// <summary>Reads a text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Its file, for messages.</param>
    /// <exception cref="CompressToolException">It is not the configuration of a scheduler, or has an unknown key.</exception>
    public static SchedulerConfig Parse(string json, string source)
    {
        try
        {
            return JsonNode.Parse(PythonJson.ToJson(json)) is JsonObject values && values["_class_name"] is JsonValue name && name.TryGetValue<string>(out var className)
                ? new SchedulerConfig(className, values, source)
                : throw new CompressToolException(DiffusionErrors.InvalidScheduler, $"'{source}' is not the configuration of a scheduler: it has no '_class_name'");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new CompressToolException(DiffusionErrors.InvalidScheduler, $"'{source}' is not the configuration of a scheduler: {e.Message}", inner: e);
        }
    }

    /// <summary>The same keys for another class, some of them changed.</summary>
    /// <param name="className">The class.</param>
    /// <param name="changes">The keys that change; a null removes a key.</param>
    public SchedulerConfig With(string className, IEnumerable<KeyValuePair<string, JsonNode?>>? changes = null)
    {
        var values = (JsonObject)_values.DeepClone();
        foreach (var (key, value) in changes ?? [])
        {
            values[key] = value?.DeepClone();
        }

        // Written and read, so that all values are those of a text, whatever the changes were made of.
        return new SchedulerConfig(className, JsonNode.Parse(values.ToJsonString())!.AsObject(), Source);
    }

    /// <summary>The class and all keys.</summary>
    public override string ToString() => $"{ClassName} {_values.ToJsonString()}";

    /// <summary>The schedule of betas.</summary>
    /// <param name="betaStart">The first beta where the configuration does not say; classes differ.</param>
    /// <param name="betaEnd">The last beta where the configuration does not say.</param>
    /// <param name="betaSchedule">The formula where the configuration does not say.</param>
    /// <exception cref="CompressToolException">A value is not supported, or the model is trained by flow matching.</exception>
    public NoiseSchedule NoiseSchedule(double betaStart = 1e-4, double betaEnd = 0.02, string betaSchedule = "linear")
    {
        if (IsFlow)
        {
            throw Unsupported($"{ClassName} is for models trained by flow matching, which have no schedule of betas");
        }

        var zeroSnr = Flag("rescale_betas_zero_snr");
        if (Value("trained_betas") is { } trained)
        {
            return trained is JsonArray { Count: > 0 } array
                ? new NoiseSchedule([.. array.Select(beta => beta is JsonValue value && value.TryGetValue<double>(out var number) ? (float)number : throw Invalid("trained_betas", trained, "a list of numbers"))], zeroSnr)
                : throw Invalid("trained_betas", trained, "a list of numbers");
        }

        var schedule = Choice("beta_schedule", betaSchedule,
            ("linear", BetaSchedule.Linear),
            ("scaled_linear", BetaSchedule.ScaledLinear),
            ("squaredcos_cap_v2", BetaSchedule.SquaredCosine),
            ("sigmoid", BetaSchedule.Sigmoid));
        return new NoiseSchedule(schedule, Number("beta_start", betaStart), Number("beta_end", betaEnd), TrainTimesteps, zeroSnr);
    }

    /// <summary>The number of timesteps of the training.</summary>
    internal int TrainTimesteps => Value("trained_betas") is JsonArray { Count: > 0 } betas ? betas.Count : Whole("num_train_timesteps", 1000, 1);

    /// <summary>The name of a prediction type in configurations.</summary>
    internal static string NameOf(PredictionType prediction) => Array.Find(s_predictions, known => known.Value == prediction).Name;

    /// <summary>An error about a part that is not supported.</summary>
    internal CompressToolException Unsupported(string what) =>
        new(DiffusionErrors.UnsupportedScheduler, Source is null ? what : $"'{Source}': {what}");

    internal bool Flag(string key, bool standard = false) =>
        Value(key) is not { } value ? standard : value is JsonValue flag && flag.TryGetValue<bool>(out var result) ? result : throw Invalid(key, value, "true or false");

    internal double Number(string key, double standard) => OptionalNumber(key) ?? standard;

    internal double? OptionalNumber(string key) => Value(key) switch
    {
        null => null,
        JsonValue value when value.TryGetValue<double>(out var number) => number,
        JsonValue value when value.TryGetValue<string>(out var text) && PythonJson.SpecialNumber(text) is { } number => number,
        var other => throw Invalid(key, other, "a number"),
    };

    internal int Whole(string key, int standard, int least = 0) =>
        Number(key, standard) is var number && number >= least && number <= int.MaxValue && number == Math.Floor(number) ? (int)number : throw Invalid(key, Value(key)!, $"a whole number from {least}");

    internal T Choice<T>(string key, string standard, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        var text = Value(key) is not { } value ? standard : value is JsonValue name && name.TryGetValue<string>(out var given) ? given : throw Invalid(key, value, "a text");
        var names = new List<string>();
        foreach (var choice in choices)
        {
            if (choice.Name == text)
            {
                return choice.Value;
            }

            names.Add(choice.Name);
        }

        throw Unsupported($"{key} '{text}' is not supported with {ClassName}: {string.Join(", ", names)} {(names.Count == 1 ? "is" : "are")}{(NearestName.Find(text, names) is { } nearest ? $"; did you mean '{nearest}'?" : "")}");
    }

    /// <summary>Throws when a key has another value than the only one that is supported.</summary>
    internal void Only(string key, bool supported)
    {
        if (Flag(key, supported) != supported)
        {
            throw Unsupported($"{key} {(supported ? "false" : "true")} is not supported with {ClassName}");
        }
    }

    /// <summary>Throws when a key has a value.</summary>
    internal void Never(string key)
    {
        if (Value(key) is { } value)
        {
            throw Unsupported($"{key} is {value.ToJsonString()}, which is not supported with {ClassName}");
        }
    }

    internal JsonNode? Value(string key) => _values.TryGetPropertyValue(key, out var value) ? value : null;

    internal CompressToolException Invalid(string key, JsonNode value, string wanted) => Unsupported($"{key} is {value.ToJsonString()}, but must be {wanted}");
}
