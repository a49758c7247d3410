using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>
/// A type that an option can have: how it is read from YAML and what the JSON schema says about it.
/// </summary>
internal abstract class OptionType
{
    private static readonly ConcurrentDictionary<Type, OptionType> s_types = new();

    /// <summary>The type in words, with its article, e.g. <c>a whole number</c>.</summary>
    public abstract string Noun { get; }

    /// <summary>Reads a value; null when it is wrong, which has then been reported.</summary>
    public object? Bind(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        switch (node)
        {
            case YamlUnknown:
                return null;
            case YamlScalar { IsNull: true } scalar:
                context.Error(RecipeErrors.NoValue, scalar.Text.Length == 0 ? place.Owner : scalar.Location, $"'{place.Name}' has no value; it must be {Noun}");
                return null;
            default:
                return BindValue(node, place, limits, context);
        }
    }

    /// <summary>Reads a value that is not null.</summary>
    protected abstract object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context);

    /// <summary>What JSON Schema draft-07 says about a value.</summary>
    public abstract JsonObject Schema(OptionAttribute limits, SchemaContext context);

    /// <summary>The option type of a property type (without Nullable).</summary>
    /// <exception cref="InvalidOperationException">The language has no such type: a mistake in an options record.</exception>
    public static OptionType Of(Type type) => s_types.GetOrAdd(type, Create);

    private static OptionType Create(Type type)
    {
        var arguments = type.IsGenericType ? type.GetGenericArguments() : [];
        return type switch
        {
            _ when type == typeof(bool) => new BooleanType(),
            _ when type == typeof(int) => new IntegerType(type, int.MinValue, int.MaxValue),
            _ when type == typeof(long) => new IntegerType(type, long.MinValue, long.MaxValue),
            _ when type == typeof(double) => new NumberType(),
            _ when type == typeof(string) => new TextType(),
            _ when type == typeof(Fraction) => new FractionType(),
            _ when type == typeof(ByteSize) => new ByteSizeType(),
            _ when type == typeof(SizeLimit) => new SizeLimitType(),
            _ when type == typeof(RecipePath) => new PathType(),
            _ when type == typeof(RecipeFiles) => new FilesType(),
            _ when type == typeof(InputFiles) => new InputFilesType(),
            _ when type == typeof(VariableSet) => new VariableSetType(),
            _ when type == typeof(ModelFile) => new ModelFileType(),
            _ when type == typeof(IReadOnlyList<RecipeOutput>) => new OutputListType(),
            _ when type == typeof(IReadOnlyList<RecipeStage>) => new StageListType(),
            _ when type == typeof(IReadOnlyList<RecipeGate>) => new GateSetType(),
            _ when type.IsEnum => new EnumType(type),
            { IsGenericType: true } when type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) => new ListType(arguments[0]),
            { IsGenericType: true } when type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>) && arguments[0] == typeof(string) => new MapType(arguments[1]),
            { IsClass: true } when type.GetConstructor(Type.EmptyTypes) is not null => new RecordType(type),
            _ => throw new InvalidOperationException($"The recipe language has no option type for {type}; see {nameof(OptionAttribute)}."),
        };
    }
}
