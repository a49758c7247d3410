using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language.Yaml;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>The stages of a recipe: a list of mappings from one kind to its options, or of kinds alone.</summary>
internal sealed class StageListType : OptionType
{
    public override string Noun => "a list of stages";

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context)
    {
        var kinds = KindOptions.Schema(context.Stages.Select(stage => (stage.Info.Kind, stage.Info.Description, stage.OptionsType)), context);
        (kinds["minProperties"], kinds["maxProperties"]) = (1, 1);
        var bare = context.Stages.Where(stage => RecordType.Of(stage.OptionsType).CanBeEmpty).Select(stage => JsonValue.Create(stage.Info.Kind)).ToArray();
        JsonObject[] kindAlone = bare.Length == 0 ? [] : [new JsonObject { ["enum"] = new JsonArray([.. bare]) }];
        return new JsonObject
        {
            ["type"] = "array",
            ["minItems"] = 1,
            ["items"] = JsonSchemas.AnyOf([kinds, .. kindAlone, JsonSchemas.Variable()]),
        };
    }

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (node is not YamlSequence sequence)
        {
            context.Error(RecipeErrors.WrongType, place.Owner, "'stages' must be a list; begin each stage with '- ', e.g. - quantize: { scheme: fp16 }");
            return null;
        }

        if (sequence.Items.Count == 0)
        {
            context.Error(RecipeErrors.NoStages, sequence.Location, "the recipe has no stages; add at least one, e.g. - quantize: { scheme: fp16 }");
            return null;
        }

        var stages = sequence.Items.Select(item => BindStage(item, context)).ToList();
        return stages.Contains(null) ? null : stages;
    }

    private static RecipeStage? BindStage(YamlNode item, BindingContext context)
    {
        switch (item)
        {
            case YamlUnknown:
                return null;
            case YamlScalar { IsNull: false } kind:
                return BindStage(kind, null, context);
            case YamlMapping { Entries.Count: 1 } mapping:
                return BindStage(mapping.Entries[0].Key, mapping.Entries[0].Value, context);
            case YamlMapping { Entries: [var first, var second, ..] }:
                context.Error(RecipeErrors.InvalidStage, second.Key.Location,
                    $"{second.Key.Describe()} stands beside {first.Key.Describe()}; indent it further if it is an option of it, or begin it with '- ' if it is a stage of its own");
                return null;
            default:
                context.Error(RecipeErrors.InvalidStage, item.Location, $"a stage is one kind with its options, not {item.Describe()}; e.g. - quantize: {{ scheme: fp16 }}");
                return null;
        }
    }

    private static RecipeStage? BindStage(YamlScalar kind, YamlNode? options, BindingContext context)
    {
        var stage = context.Stages.FirstOrDefault(stage => stage.Info.Kind == kind.Text);
        if (stage is null)
        {
            context.Error(RecipeErrors.UnknownStage, kind.Location, $"unknown stage {kind.Describe()}{NearestName.Hint(kind.Text, [.. context.Stages.Select(known => known.Info.Kind)])}");
            return null;
        }

        return KindOptions.Bind(kind, options, stage.OptionsType, stage.Validate, context) is { } bound ? new RecipeStage(stage, bound) : null;
    }
}

/// <summary>The gates of a recipe: a mapping from kind to options.</summary>
internal sealed class GateSetType : OptionType
{
    public override string Noun => "a mapping of gates";

    public override JsonObject Schema(OptionAttribute limits, SchemaContext context) =>
        KindOptions.Schema(context.Gates.Select(gate => (gate.Info.Kind, gate.Info.Description, gate.OptionsType)), context);

    protected override object? BindValue(YamlNode node, Place place, OptionAttribute limits, BindingContext context)
    {
        if (node is not YamlMapping mapping)
        {
            context.WrongType(node, place, Noun + " such as size: { max: 25% }");
            return null;
        }

        var gates = mapping.Entries.Select(entry => BindGate(entry, context)).ToList();
        return gates.Contains(null) ? null : gates;
    }

    private static RecipeGate? BindGate(YamlEntry entry, BindingContext context)
    {
        var gate = context.Gates.FirstOrDefault(gate => gate.Info.Kind == entry.Key.Text);
        if (gate is null)
        {
            context.Error(RecipeErrors.UnknownGate, entry.Key.Location, $"unknown gate {entry.Key.Describe()}{NearestName.Hint(entry.Key.Text, [.. context.Gates.Select(known => known.Info.Kind)])}");
            return null;
        }

        return KindOptions.Bind(entry.Key, entry.Value, gate.OptionsType, gate.Validate, context) is { } bound ? new RecipeGate(gate, bound) : null;
    }
}

/// <summary>Reads the options of a stage or a gate.</summary>
internal static class KindOptions
{
    private static readonly OptionAttribute s_noLimits = new("");

    /// <summary>The schema of a mapping from kinds to their options.</summary>
    public static JsonObject Schema(IEnumerable<(string Kind, string Description, Type Options)> kinds, SchemaContext context)
    {
        var properties = new JsonObject();
        foreach (var (kind, description, options) in kinds)
        {
            var record = RecordType.Of(options);
            var schema = record.Schema(s_noLimits, context);
            schema = record.CanBeEmpty ? JsonSchemas.AnyOf(schema, new JsonObject { ["type"] = "null" }) : schema;
            schema["description"] = description;
            properties[kind] = schema;
        }

        return new JsonObject { ["type"] = "object", ["additionalProperties"] = false, ["properties"] = properties };
    }

    /// <summary>Reads and checks options; null when any is wrong.</summary>
    /// <param name="kind">The kind as written; errors about what is missing are placed here.</param>
    /// <param name="node">The options; null or YAML's null when none are given.</param>
    /// <param name="type">The options record.</param>
    /// <param name="validate">The check of the stage or gate.</param>
    /// <param name="context">The recipe's context.</param>
    public static BoundOptions? Bind(YamlScalar kind, YamlNode? node, Type type, Action<object, OptionErrors> validate, BindingContext context)
    {
        var own = context.ForOptions();
        var place = new Place("", kind.Text, kind.Location);
        var record = RecordType.Of(type);
        var value = node is null or YamlScalar { IsNull: true } ? record.BindEntries([], place, own) : record.Bind(node, place, s_noLimits, own);
        if (value is null)
        {
            return null;
        }

        var bound = new BoundOptions(value, own.Positions, kind.Location);
        var errors = new OptionErrors();
        try
        {
            validate(value, errors);
        }
        catch (CompressToolException exception)
        {
            context.Error(exception.Code, bound.LocationOf(exception.OptionPath), exception.Message);
            return null;
        }

        foreach (var (path, message) in errors.Items)
        {
            context.Error(RecipeErrors.InvalidOption, bound.LocationOf(path), message);
        }

        return errors.Items.Count == 0 ? bound : null;
    }
}
