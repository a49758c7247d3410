using System.Text.Json.Nodes;
using CompressTool.Recipes.Documentation;
using CompressTool.Recipes.Language.Yaml;
using CompressTool.Recipes.Tests.Language;

namespace CompressTool.Recipes.Tests.Documentation;

[TestClass]
public sealed class RecipeSchemaTests
{
    private static readonly JsonObject s_test = Schema(RecipeSchema.Write(TestRecipe.Options.Stages, TestRecipe.Options.Gates));
    private static readonly JsonObject s_real = Schema(RecipeSchema.Write());

    [TestMethod]
    [DataRow("stages: [all]")]
    [DataRow("stages: [{ all: }, { needy: { name: x } }]\nseed: 20_000\ngates: { limit: { max: 10 MB } }\noutputs: { format: onnx, name: x.onnx }")]
    [DataRow("variables: { s: 50%, t: 1 }\nstages:\n- all: { share: \"${s}\", count: \"${t}\", flag: \"${t}\", criterion: \"${s}\", room: \"${t}\", limit: \"${s}\", table: \"a/${s}\", sizes: \"${t}\", label: \"${s}\" }")]
    [DataRow("stages:\n- all: { flag: true, count: 20_000, big-number: 0x10, rate: 1e-3, label: \"5\", criterion: n:m, share: 12.3 %, room: 1.5 KiB, limit: 10 MB }")]
    [DataRow("stages:\n- all: { table: t.csv, layers: { include: conv*, exclude: [a] }, target: { macs: 0.56 }, sizes: [1, 0o17], weights: { a.b: 1 }, parts: [{ name: x, weight: 2 }] }")]
    [DataRow("stages:\n- all: { limit: ~, target: , share: .5, room: 4096, sizes: 3, parts: { name: x } }\ndata: { inputs: data/x.safetensors }")]
    [DataRow("stages: [all]\ndata: { inputs: { x: x.npy } }")]
    public void Valid_recipes_are_valid(string text)
    {
        // Variables of other types than the options need are found only by binding.
        var errors = new JsonSchemaValidator(s_test).Validate(YamlJson.Parse("version: 1\nmodel: m.onnx\n" + text));

        Assert.IsEmpty(errors, string.Join("\n", errors));
    }

    [TestMethod]
    public void Mistakes_that_need_no_binding_are_found_by_the_schema()
    {
        Onnx.Diagnostics.ErrorCode[] codes =
        [
            RecipeErrors.UnknownKey, RecipeErrors.MissingKey, RecipeErrors.UnknownValue, RecipeErrors.WrongType, RecipeErrors.OutOfRange, RecipeErrors.NoValue,
            RecipeErrors.NotExactlyOne, RecipeErrors.UnknownStage, RecipeErrors.UnknownGate, RecipeErrors.UnsupportedVersion, RecipeErrors.NoStages,
            RecipeErrors.InvalidStage, RecipeErrors.UnsupportedInputFile,
        ];
        // JSON has one kind of number; what a variable or text with underscores or units stands for is known only to the binder.
        string[] beyond = ["exponent for a whole number", "too large", "share above one"];
        var validator = new JsonSchemaValidator(s_test);
        var missed = BadRecipeTests.Cases.Select(item => (BadRecipe)item[0])
            .Where(item => codes.Contains(item.Code) && !beyond.Contains(item.Name) && !item.Text.Contains("${", StringComparison.Ordinal))
            .Where(item => validator.Validate(YamlJson.Parse(item.Text.Replace("▸", ""))).Count == 0)
            .Select(item => item.ToString())
            .ToArray();

        Assert.IsEmpty(missed, string.Join("\n", missed));
    }

    [TestMethod]
    public void Defaults_and_examples_are_valid_where_they_stand()
    {
        var seen = CheckAnnotations(s_test, new JsonSchemaValidator(s_test)) + CheckAnnotations(s_real, new JsonSchemaValidator(s_real));

        Assert.IsGreaterThan(20, seen);
    }

    [TestMethod]
    public void Schema_describes_every_key_and_refuses_others()
    {
        var objects = new List<JsonObject>();
        Collect(s_real, objects);

        foreach (var (key, property) in objects.SelectMany(item => item["properties"]!.AsObject()))
        {
            Assert.IsFalse(string.IsNullOrEmpty(property!["description"]?.GetValue<string>()), $"'{key}' has no description");
        }

        Assert.IsTrue(objects.All(item => item["additionalProperties"]!.GetValueKind() == System.Text.Json.JsonValueKind.False));
        Assert.IsGreaterThan(3, objects.Count);
    }

    [TestMethod]
    public void Example_of_every_stage_and_gate_is_valid_until_it_is_changed()
    {
        var text = RecipeReference.Example(Compression.Stages.StageRegistry.All, Compression.Evaluation.GateRegistry.All);
        var validator = new JsonSchemaValidator(s_real);
        var recipe = YamlJson.Parse(text)!;

        Assert.IsEmpty(validator.Validate(recipe));
        foreach (var stage in recipe["stages"]!.AsArray())
        {
            var options = stage!.AsObject().Single().Value!.AsObject();
            options["no-such-key"] = 1;
            Assert.IsNotEmpty(validator.Validate(recipe));
            options.Remove("no-such-key");
        }

        Assert.IsEmpty(validator.Validate(recipe));
    }

    private static JsonObject Schema(string json) => JsonNode.Parse(json)!.AsObject();

    private static int CheckAnnotations(JsonNode? node, JsonSchemaValidator validator)
    {
        var seen = 0;
        if (node is JsonObject schema)
        {
            JsonNode?[] annotations = [.. schema["examples"] as JsonArray ?? [], .. schema["default"] is { } value ? new[] { value } : []];
            foreach (var annotation in annotations)
            {
                var errors = validator.Validate(schema, annotation);
                Assert.IsEmpty(errors, $"{annotation?.ToJsonString()} for '{schema["description"]}'\n{string.Join("\n", errors)}");
                seen++;
            }

            seen += schema.Sum(item => CheckAnnotations(item.Value, validator));
        }

        return node is JsonArray items ? items.Sum(item => CheckAnnotations(item, validator)) : seen;
    }

    private static void Collect(JsonNode? node, List<JsonObject> objects)
    {
        if (node is JsonObject schema)
        {
            if (schema["properties"] is not null && schema["type"] is not null)
            {
                objects.Add(schema);
            }

            foreach (var (_, value) in schema)
            {
                Collect(value, objects);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                Collect(item, objects);
            }
        }
    }
}
