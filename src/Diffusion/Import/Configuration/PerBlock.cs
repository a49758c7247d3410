using System.Text.Json;
using System.Text.Json.Serialization;

namespace CompressTool.Diffusion.Import.Configuration;

/// <summary>A value for all blocks of a model, or one for each of them.</summary>
/// <typeparam name="T">The kind of value.</typeparam>
internal readonly struct PerBlock<T>
{
    private readonly T _single;
    private readonly T[]? _each;

    /// <summary>The same for all.</summary>
    public PerBlock(T value) => _single = value;

    /// <summary>One for each.</summary>
    public PerBlock(T[] values) => (_single, _each) = (default!, values);

    /// <summary>How many there are; null when it is the same for all.</summary>
    public int? Count => _each?.Length;

    /// <summary>The value of a block.</summary>
    public T this[int block] => _each is null ? _single : _each[block];

    /// <summary>The same for all.</summary>
    public static implicit operator PerBlock<T>(T value) => new(value);
}

/// <summary>Reads one value or a list of them.</summary>
internal sealed class PerBlockConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(PerBlock<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(typeToConvert.GenericTypeArguments))!;

    private sealed class Converter<T> : JsonConverter<PerBlock<T>>
    {
        public override PerBlock<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.StartArray
                ? new PerBlock<T>(JsonSerializer.Deserialize<T[]>(ref reader, options)!)
                : new PerBlock<T>(JsonSerializer.Deserialize<T>(ref reader, options)!);

        public override void Write(Utf8JsonWriter writer, PerBlock<T> value, JsonSerializerOptions options)
        {
            if (value.Count is { } count)
            {
                JsonSerializer.Serialize(writer, Enumerable.Range(0, count).Select(block => value[block]), options);
            }
            else
            {
                JsonSerializer.Serialize(writer, value[0], options);
            }
        }
    }
}
