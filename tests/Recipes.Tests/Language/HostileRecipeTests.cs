using System.Diagnostics;
using System.Text;
using CompressTool.Recipes.Language;

namespace CompressTool.Recipes.Tests.Language;

/// <summary>Files that were made to bring a parser down get an ordinary error, quickly.</summary>
[TestClass]
public sealed class HostileRecipeTests
{
    private static readonly TimeSpan s_quick = TimeSpan.FromSeconds(20);

    [TestMethod]
    [DataRow("[")]
    [DataRow("{a: ")]
    [DataRow("- ")]
    public void Deep_nesting_is_refused(string level)
    {
        var text = string.Concat(Enumerable.Repeat(level, 100_000));

        var diagnostic = Load(text);

        Assert.AreEqual(RecipeErrors.TooDeep, diagnostic.Code);
        Assert.AreEqual((1, (64 * level.Length) + 1), (diagnostic.Location.Line, diagnostic.Location.Column));
    }

    [TestMethod]
    public void Nesting_up_to_the_limit_is_read()
    {
        var text = "version: 1\nmodel: m.onnx\nstages:\n- all: { label: " + new string('[', 60) + new string(']', 60) + " }\n";

        Assert.AreEqual(RecipeErrors.WrongType, Load(text).Code);
    }

    [TestMethod]
    public void Large_file_is_refused_unread()
    {
        using var folder = new TempFolder();
        var recipe = folder.Write("large.yml", new string('#', 2_000_000));

        Assert.AreEqual(RecipeErrors.TooLarge, RecipeLoader.Load(recipe).Diagnostics.Single().Code);
    }

    [TestMethod]
    public void Many_values_are_refused() =>
        Assert.AreEqual(RecipeErrors.TooManyNodes, Load("a: [" + string.Concat(Enumerable.Repeat("1,", 200_000)) + "]").Code);

    [TestMethod]
    public void Billion_laughs_do_not_expand()
    {
        var text = new StringBuilder("a0: &a0 [lol]\n");
        for (var i = 1; i < 30; i++)
        {
            text.Append(null, $"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n");
        }

        var result = TestRecipe.Load(text.ToString());

        Assert.IsTrue(result.Diagnostics.Any(item => item.Code == RecipeErrors.UnsupportedYaml));
        Assert.IsNull(result.Recipe);
    }

    [TestMethod]
    [DataRow(new byte[] { 0x61, 0x3A, 0x20, 0x31, 0x0A, 0x62, 0x3A, 0x20, 0xFF }, 2, 4, "not UTF-8")]
    [DataRow(new byte[] { 0x61, 0x3A, 0x20, 0xC3 }, 1, 4, "not UTF-8")]
    [DataRow(new byte[] { 0x61, 0x3A, 0x20, 0xED, 0xA0, 0x80 }, 1, 4, "not UTF-8")]
    [DataRow(new byte[] { 0xFF, 0xFE, 0x61, 0x00 }, 1, 1, "UTF-16")]
    public void Other_encodings_are_refused_at_their_first_byte(byte[] content, int line, int column, string fragment)
    {
        var diagnostic = RecipeLoader.Parse(content, TestRecipe.File).Diagnostics.Single();

        Assert.AreEqual(RecipeErrors.InvalidEncoding, diagnostic.Code);
        Assert.AreEqual((line, column), (diagnostic.Location.Line, diagnostic.Location.Column));
        Assert.Contains(fragment, diagnostic.Message, StringComparison.Ordinal);
    }

    [TestMethod]
    public void Long_hostile_text_does_not_spoil_the_message()
    {
        var diagnostic = Load($"version: 1\nmodel: m.onnx\nstages:\n- \"\\e[31m\\n{new string('x', 10_000)}\"\n");

        Assert.AreEqual(RecipeErrors.UnknownStage, diagnostic.Code);
        Assert.IsLessThan(200, diagnostic.Message.Length);
        Assert.IsFalse(diagnostic.Message.Any(char.IsControl));
    }

    [TestMethod]
    public void Long_numbers_are_refused_quickly() =>
        Assert.AreEqual(RecipeErrors.WrongType, Load($"version: 1\nmodel: m.onnx\nseed: {new string('9', 900_000)}\nstages: [all]\n").Code);

    [TestMethod]
    public void Random_damage_never_throws()
    {
        const string recipe = """
            version: 1
            model: "nets/${name}.onnx"
            variables: { name: shop, share: 50% }
            data: { inputs: { x: data/x.npy } }
            stages:
              - all: { count: 20_000, share: "${share}", layers: { include: ["a*", 'b'], exclude: op:Conv } }
              - needy:
                  name: |
                    text
            gates: { limit: { max: 25% } }
            outputs: [{ format: onnx, name: a.onnx }]
            """;
        const string alphabet = "[]{}:,-?*&!|>'\"%@`#~$ \t\n\r0ax\\.<\u00e9";
        var random = new Random(5);
        TestRecipe.Valid(recipe);
        for (var i = 0; i < 3000; i++)
        {
            var text = new StringBuilder(recipe);
            for (var damage = random.Next(1, 4); damage > 0; damage--)
            {
                var at = random.Next(text.Length);
                _ = random.Next(3) switch
                {
                    0 => text.Remove(at, Math.Min(random.Next(1, 6), text.Length - at)),
                    1 => text.Insert(at, alphabet[random.Next(alphabet.Length)]),
                    _ => text.Replace(text[at], alphabet[random.Next(alphabet.Length)], at, 1),
                };
            }

            var result = TestRecipe.Load(text.ToString());

            Assert.AreEqual(result.Recipe is null, result.Diagnostics.Count > 0, text.ToString());
            Assert.IsTrue(result.Diagnostics.All(item => item.Location.Line > 0 && item.Location.Column > 0), string.Join("\n", result.Diagnostics) + "\n" + text);
        }
    }

    private static Diagnostic Load(string text)
    {
        var watch = Stopwatch.StartNew();
        var result = TestRecipe.Load(text);
        Assert.IsLessThan(s_quick, watch.Elapsed);
        Assert.HasCount(1, result.Diagnostics, string.Join("\n", result.Diagnostics.Take(5)));
        return result.Diagnostics[0];
    }
}
