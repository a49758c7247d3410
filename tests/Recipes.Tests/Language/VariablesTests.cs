using CompressTool.Compression.Options;

namespace CompressTool.Recipes.Tests.Language;

[TestClass]
public sealed class VariablesTests
{
    private const string Recipe = """
        version: 1
        model: nets/${name}-v${number}.onnx
        seed: ${number}
        variables:
          name: shop
          number: 20_000
          share: 50%
          flag: true
          text: "7"
        stages:
          - all: { share: "${share}", flag: "${flag}", label: "${text}", count: "${number}", sizes: ["${number}"], layers: { include: "${name}*" } }
        """;

    [TestMethod]
    public void Variables_are_put_in_with_the_type_of_their_value()
    {
        var recipe = TestRecipe.Valid(Recipe);
        var all = (AllOptions)recipe.Stages[0].Options.Value;

        Assert.AreEqual("nets/shop-v20_000.onnx", recipe.Model.Text);
        Assert.AreEqual(20_000, recipe.Seed);
        Assert.AreEqual(new Fraction(0.5), all.Share);
        Assert.IsTrue(all.Flag);
        Assert.AreEqual("7", all.Label);
        Assert.AreEqual(20_000, all.Count);
        CollectionAssert.AreEqual(new[] { 20_000 }, all.Sizes.ToArray());
        CollectionAssert.AreEqual(new[] { "shop*" }, all.Layers.Include.ToArray());
        Assert.AreEqual("shop", recipe.Variables["name"]);
    }

    [TestMethod]
    public void Values_from_outside_win()
    {
        var recipe = TestRecipe.Valid(Recipe, TestRecipe.Options with { Variables = new Dictionary<string, string> { ["name"] = "toy", ["share"] = "0.25", ["flag"] = "false" } });
        var all = (AllOptions)recipe.Stages[0].Options.Value;

        Assert.AreEqual("nets/toy-v20_000.onnx", recipe.Model.Text);
        Assert.AreEqual(new Fraction(0.25), all.Share);
        Assert.IsFalse(all.Flag);
        Assert.AreEqual("toy", recipe.Variables["name"]);
    }

    [TestMethod]
    public void Variable_without_value_takes_one_from_outside()
    {
        const string recipe = "version: 1\nmodel: \"${m}\"\nvariables: { m: }\nstages: [all]\n";

        Assert.AreEqual("a.onnx", TestRecipe.Valid(recipe, TestRecipe.Options with { Variables = new Dictionary<string, string> { ["m"] = "a.onnx" } }).Model.Text);
    }

    [TestMethod]
    [DataRow("$${x}", "${x}")]
    [DataRow("a $${ b", "a ${ b")]
    [DataRow("$5 {x}", "$5 {x}")]
    [DataRow("${d}${d}", "$$")]
    public void Dollar_signs_are_escaped_by_doubling(string written, string read)
    {
        var recipe = TestRecipe.Valid($"version: 1\nmodel: \"${{d}}.onnx\"\nvariables: {{ d: $ }}\nstages:\n- all: {{ label: '{written}' }}\n");

        Assert.AreEqual(read, ((AllOptions)recipe.Stages[0].Options.Value).Label);
    }

    [TestMethod]
    public void Value_is_taken_as_it_is()
    {
        var recipe = TestRecipe.Valid(
            "version: 1\nmodel: m.onnx\nvariables: { a: x, b: y }\nstages:\n- all: { label: \"${a}-${b}\" }\n",
            TestRecipe.Options with { Variables = new Dictionary<string, string> { ["a"] = "${b}" } });

        Assert.AreEqual("${b}-y", ((AllOptions)recipe.Stages[0].Options.Value).Label);
    }

    [TestMethod]
    public void Errors_about_a_value_stand_where_it_is_used()
    {
        var diagnostic = TestRecipe.Load(Recipe, TestRecipe.Options with { Variables = new Dictionary<string, string> { ["share"] = "lots" } }).Diagnostics.Single();

        Assert.AreEqual((11, 19), (diagnostic.Location.Line, diagnostic.Location.Column));
        Assert.Contains("not 'lots' (from ${share})", diagnostic.Message, StringComparison.Ordinal);
    }
}
