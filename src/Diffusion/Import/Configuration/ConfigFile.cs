using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>
/// The config.json of a model. It is read into a record whose properties are the keys that are known; their initial values are the
/// defaults of the class. A key that no property has is an error, since it could change what the model computes.
/// </summary>
/// <param name="path">Full path of the file, for messages.</param>
/// <param name="content">What is in it.</param>
internal sealed class ConfigFile(string path, JsonObject content)
{
    private static readonly JsonSerializerOptions s_options = new() { Converters = { new PerBlockConverter() }, NumberHandling = JsonNumberHandling.Strict };

    private static readonly JsonSerializerOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_indented = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true, NewLine = "\n" };

    /// <summary>The name of the file in a component's folder.</summary>
    public const string Name = "config.json";

    /// <summary>Full path of the file.</summary>
    public string Path { get; } = path;

    /// <summary>What is in it.</summary>
    public JsonObject Content { get; } = content;

    /// <summary>The class of the model as diffusers or transformers names it; null when the file does not say.</summary>
    public string? ClassName =>
        (Content["_class_name"] ?? (Content["architectures"] as JsonArray)?.FirstOrDefault()) is JsonValue value && value.TryGetValue<string>(out var name) ? name : null;

    /// <summary>Reads a file.</summary>
    /// <exception cref="CompressToolException">It cannot be read (CMP2001, CMP2009), or is no JSON object (CMP8005).</exception>
    public static ConfigFile Read(string path)
    {
        return Parse(TextFile.Read(path), path);
    }

    /// <summary>Reads a configuration from memory.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="path">Where it is from, for messages.</param>
    /// <exception cref="CompressToolException">It is no JSON object (CMP8005).</exception>
    public static ConfigFile Parse(ReadOnlySpan<byte> text, string path)
    {
        try
        {
            return JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip }) is JsonObject content
                ? new ConfigFile(path, content)
                : throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{path}' holds no JSON object");
        }
        catch (JsonException e)
        {
            throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{path}' is not valid JSON: {e.Message}", inner: e);
        }
    }

    /// <summary>Its text: as diffusers writes it, or on one line.</summary>
    public string ToJson(bool indented) => Content.ToJsonString(indented ? s_indented : s_compact);

    /// <summary>The configuration as a record.</summary>
    /// <typeparam name="T">A record; the keys are its properties in snake_case.</typeparam>
    /// <exception cref="CompressToolException">A key is not known (CMP8004), or a value has another type (CMP8005).</exception>
    public T Bind<T>()
        where T : new()
    {
        var properties = typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite)
            .ToDictionary(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
        var result = new T();
        foreach (var (key, value) in Content)
        {
            // What begins with an underscore is diffusers' own book-keeping: class, version, where it was downloaded.
            if (key.StartsWith('_'))
            {
                continue;
            }

            if (!properties.TryGetValue(key, out var property))
            {
                throw new CompressToolException(DiffusionErrors.UnknownConfigKey, $"'{Path}' has the key '{key}', which is not known for {ClassName}{NearestName.Hint(key, properties.Keys)}");
            }

            property.SetValue(result, Convert(key, value, property));
        }

        return result;
    }

    /// <summary>The error of a value that is not supported.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">Its value.</param>
    /// <param name="supported">What is supported, e.g. <c>supported: conv, resnet</c>.</param>
    public CompressToolException Unsupported(string key, object? value, string supported) =>
        new(DiffusionErrors.UnsupportedConfig, $"'{Path}': {key} {JsonSerializer.Serialize(value)} is not supported; {supported}");

    /// <summary>Checks that a value is one of those supported.</summary>
    /// <exception cref="CompressToolException">It is not (CMP8005).</exception>
    public void Require(string key, string? value, params IReadOnlyList<string> supported)
    {
        if (value is null || !supported.Contains(value))
        {
            throw Unsupported(key, value, $"supported: {string.Join(", ", supported)}");
        }
    }

    /// <summary>Checks a condition on the values.</summary>
    /// <param name="condition">What must hold.</param>
    /// <param name="message">What is wrong otherwise, and the way out.</param>
    /// <exception cref="CompressToolException">It does not (CMP8005).</exception>
    public void Check(bool condition, string message)
    {
        if (!condition)
        {
            throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{Path}': {message}");
        }
    }

    private object? Convert(string key, JsonNode? value, PropertyInfo property)
    {
        var nullable = new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable;
        if (value is null && nullable)
        {
            return null;
        }

        try
        {
            return value is null ? throw new JsonException() : value.Deserialize(property.PropertyType, s_options);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{Path}': {key} is {value?.ToJsonString() ?? "null"}, not {Describe(property.PropertyType)}", inner: e);
        }
    }

    private static string Describe(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(int) || type == typeof(long) ? "a whole number" : type == typeof(double) ? "a number" : type == typeof(bool) ? "true or false"
            : type == typeof(string) ? "a text" : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(PerBlock<>) ? $"{Describe(type.GenericTypeArguments[0])} or a list of them"
            : $"a list, each item {Describe(type.GenericTypeArguments[0])}";
    }
}
