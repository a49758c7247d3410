namespace CompressTool.Compression.Options;

/// <summary>
/// Describes one key of an options record. The record is the only source of the key: YAML binding, JSON schema, help
/// and the reference pages read it. The key is the property's name in kebab-case.
/// </summary>
/// <remarks>
/// Property types the binder understands: bool, int, long, double, string, enums (members in kebab-case, or as
/// <see cref="OptionNameAttribute"/> says), <see cref="Fraction"/>, <see cref="ByteSize"/>, <see cref="SizeLimit"/>,
/// <see cref="RecipePath"/>, <see cref="RecipeFiles"/>, other options records (a mapping), IReadOnlyList of these (a sequence, or one item alone) and
/// IReadOnlyDictionary from string to these (a mapping with free keys). Nullable means optional without default. Defaults
/// are the property initializers of the record.
/// </remarks>
/// <param name="description">One or two sentences for help and documentation.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string description) : Attribute
{
    /// <summary>One or two sentences for help and documentation.</summary>
    public string Description { get; } = description;

    /// <summary>The key must be given.</summary>
    public bool Required { get; init; }

    /// <summary>Smallest allowed number (for a <see cref="Fraction"/>, as a fraction).</summary>
    public double Min { get; init; } = double.NegativeInfinity;

    /// <summary>Largest allowed number.</summary>
    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>A value as written in YAML, for the documentation.</summary>
    public string? Example { get; init; }
}

/// <summary>The YAML spelling of an enum member when kebab-case is not it, e.g. <c>n:m</c>.</summary>
/// <param name="name">The spelling.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class OptionNameAttribute(string name) : Attribute
{
    /// <summary>The spelling.</summary>
    public string Name { get; } = name;

    /// <summary>One sentence for the documentation; may be null.</summary>
    public string? Description { get; init; }
}

/// <summary>Declares that exactly one of an options record's keys is given.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ExactlyOneAttribute : Attribute;
