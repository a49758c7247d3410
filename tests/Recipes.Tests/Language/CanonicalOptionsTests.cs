using CompressTool.Compression.Options;
using CompressTool.Recipes.Language;

namespace CompressTool.Recipes.Tests.Language;

[TestClass]
public sealed class CanonicalOptionsTests
{
    [TestMethod]
    public void Defaults_are_written_with_all_keys_in_order() => Assert.AreEqual(
        """
        {"big-number":7,"count":10,"criterion":"magnitude","flag":false,"label":"none","layers":{"exclude":[],"include":[]},"limit":null,"parts":[],"rate":0.5,"room":"4096 B","share":"25%","sizes":[],"table":null,"target":null,"weights":{}}
        """,
        CanonicalOptions.Write(new AllOptions()));

    [TestMethod]
    public void Every_type_is_written_as_in_a_recipe() => Assert.AreEqual(
        """
        {"big-number":-5,"count":20000,"criterion":"n:m","flag":true,"label":"a\"\\\u000aü","layers":{"exclude":[],"include":["b","a"]},"limit":"12.5%","parts":[{"name":"x","weight":0.1}],"rate":1E-05,"room":"1500000000 B","share":"30.000000000000004%","sizes":[3,1],"table":"data/t.csv","target":{"macs":null,"sparsity":"50%"},"weights":{"B":1,"a":2,"a.b":3}}
        """,
        CanonicalOptions.Write(TestRecipe.All("""
            { big-number: -5, count: 20_000, criterion: n:m, flag: true, label: "a\"\\\nü", layers: { include: [b, a] }, limit: 12.5%, parts: { name: x, weight: 0.1 }, rate: 0.00001, room: 1.5 GB, share: 0.30000000000000004, sizes: [3, 1], table: data/t.csv, target: { sparsity: 0.5 }, weights: { a.b: 3, a: 2, B: 1 } }
            """.Trim())));

    [TestMethod]
    [DataRow("{ share: 30% }", "{ share: 0.3 }")]
    [DataRow("{ share: 12.3% }", "{ share: 0.123 }")]
    [DataRow("{ share: 25% }", "{}")]
    [DataRow("{ room: 4.096 KB }", "{ room: 4 KiB }")]
    [DataRow("{ weights: { a: 1, b: 2 } }", "{ weights: { b: 2.0, a: 1 } }")]
    [DataRow("{ sizes: [1] }", "{ sizes: 1 }")]
    public void Two_spellings_of_one_meaning_have_one_text(string one, string other) =>
        Assert.AreEqual(CanonicalOptions.Write(TestRecipe.All(one)), CanonicalOptions.Write(TestRecipe.All(other)));

    [TestMethod]
    public void Neighbouring_shares_have_different_texts()
    {
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var value = random.NextDouble() * Math.Pow(10, random.Next(-12, 3));
            var share = CanonicalOptions.Write(new AllOptions { Share = new Fraction(value) });
            Assert.AreNotEqual(share, CanonicalOptions.Write(new AllOptions { Share = new Fraction(Math.BitIncrement(value)) }), $"{value:R}");
        }
    }

    [TestMethod]
    public void Files_are_found_at_any_depth()
    {
        var options = TestRecipe.All("{ table: data/t.csv }");

        var (path, file) = CanonicalOptions.Files(options).Single();

        Assert.AreEqual(("table", "data/t.csv"), (path, file.Text));
        Assert.IsEmpty(CanonicalOptions.Files(new AllOptions()));
    }

    [TestMethod]
    [DataRow("{ target: { sparsity: 30% } }", "{ target: { sparsity: 40% } }", "target.sparsity 30% -> 40%")]
    [DataRow("{}", "{ target: { sparsity: 40% } }", "target.sparsity none -> 40%")]
    [DataRow("{ target: { macs: 40% } }", "{ target: { sparsity: 40% } }", "target.macs 40% -> none, target.sparsity none -> 40%")]
    [DataRow("{}", "{ criterion: taylor, room: 1.5 GB }", "criterion magnitude -> taylor, room 4.1 KB -> 1.5 GB")]
    [DataRow("{ layers: { include: [a] } }", "{ layers: { include: [a, b] } }", "layers.include [\"a\"] -> [\"a\",\"b\"]")]
    [DataRow("{ room: 1000000001 }", "{ room: 1000000002 }", "room changed slightly")]
    [DataRow("{}", "{ count: 1, flag: true, sizes: 1, label: x, rate: 1 }", "count 10 -> 1, flag false -> true, label none -> x and 2 more")]
    [DataRow("{ share: 25% }", "{}", "")]
    public void Diff_says_what_changed(string before, string after, string expected) =>
        Assert.AreEqual(expected, OptionDiff.Describe(CanonicalOptions.Write(TestRecipe.All(before)), CanonicalOptions.Write(TestRecipe.All(after))));

    [TestMethod]
    public void Diff_knows_keys_that_came_and_went() =>
        Assert.AreEqual("gone 1 -> none, new none -> [2]", OptionDiff.Describe("""{"gone":1,"kept":0}""", """{"kept":0,"new":[2]}"""));
}
