using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using CompressTool.Recipes.Reports;

namespace CompressTool.Recipes.Tests.Reports;

[TestClass]
public sealed partial class HtmlPageTests
{
    private const string Hostile = "</script><script>alert('1')</script> \"&<!--";

    [TestMethod]
    public void Text_has_no_meaning_as_html()
    {
        Assert.AreEqual("<p title=\"a&quot;b\">&lt;b&gt; &amp; 1.5 <i>x</i></p>", Html.Of($"<p title=\"{"a\"b"}\">{"<b>"} {"&"} {1.5} {new Html("<i>x</i>")}</p>").Text);
    }

    [TestMethod]
    public void Names_of_a_model_cannot_leave_their_place()
    {
        var page = new HtmlPage(Hostile, Html.Of($"{Hostile}"));
        page.AddSection(Hostile, page.Draw(new Chart(ChartForm.Bars, ChartUnit.Bytes, Hostile, Hostile, [Hostile], [new ChartSeries(Hostile, true, [1])])));
        var table = new HtmlTable(Hostile, Hostile, ">" + Hostile);
        table.Add(Hostile, Hostile);
        page.Add(table.ToHtml());

        var text = page.Write(Html.Of($"{Hostile}"));

        Assert.DoesNotContain("<script>alert", text);
        Assert.DoesNotContain("alert('1')</script>", text);
        Assert.HasCount(3, EndOfScript.Matches(text)); // numbers, library, our own
    }

    [TestMethod]
    public void The_policy_allows_the_style_and_the_scripts_of_the_page_by_their_hashes_and_no_others()
    {
        var page = new HtmlPage("x", Html.Empty);
        page.Add(page.Draw(new Chart(ChartForm.Line, ChartUnit.Number, "loss", "", ["1", "2"], [new ChartSeries("loss", true, [2, null])])));

        var text = page.Write(Html.Empty);

        var policy = Policy.Match(text).Groups[1].Value;
        StringAssert.StartsWith(policy, "default-src 'none'; img-src data:; ");
        string[] parts = [.. Inline.Matches(text).Select(match => match.Groups[1].Value)];
        Assert.HasCount(3, parts);
        Assert.IsTrue(parts.All(part => policy.Contains($"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(part)))}'", StringComparison.Ordinal)), policy);
        Assert.DoesNotContain("unsafe", policy);
        Assert.DoesNotContain("sourceMappingURL", text);
        Assert.Contains("Chart.js Contributors", text);
        Assert.Contains("Jukka Kurkela", text);
        Assert.HasCount(2, Regex.Matches(text, "The above copyright notice and this permission notice shall be included"));
        Assert.DoesNotContain("\r", text);
    }

    [TestMethod]
    public void Numbers_that_json_lacks_are_gaps()
    {
        var json = new Chart(ChartForm.Line, ChartUnit.Number, "", "", ["a", "b", "c"], [new ChartSeries("", true, [1.5, double.NaN, null])]).ToJson();

        Assert.AreEqual("[1.5,null,null]", json["series"]![0]!["values"]!.ToJsonString());
    }

    [TestMethod]
    public void Options_and_metrics_become_lines_that_people_can_read()
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse("""{ "perImage": { "macsWithAttention": 2970000000 }, "weightBytesAfter": 4730000, "sparsity": 0.4, "on": true, "none": null, "empty": [], "list": [1, 2], "float16Nodes": 638, "zeros": 941282 }""");

        CollectionAssert.AreEqual(
            (string[])["per image: macs with attention = 2.97 G", "weight bytes after = 4.73 MB", "sparsity = 40.0 %", "on = yes", "list = 1, 2", "float16 nodes = 638", "zeros = 941,282"],
            FlatJson.Of(json).Select(value => $"{value.Words} = {value.Text}").ToArray());
    }

    [GeneratedRegex("</script", RegexOptions.IgnoreCase)]
    private static partial Regex EndOfScript { get; }

    [GeneratedRegex("http-equiv=\"Content-Security-Policy\" content=\"([^\"]*)\"")]
    private static partial Regex Policy { get; }

    [GeneratedRegex("<(?:style|script)>(.*?)</(?:style|script)>", RegexOptions.Singleline)]
    private static partial Regex Inline { get; }
}
