namespace CompressTool.Tasks.Tests.Tasks;

[TestClass]
public sealed class FlatJsonTests
{
    [TestMethod]
    public void Strings_numbers_booleans_and_null_are_read()
    {
        var values = FlatJson.Parse(""" { "a" : "x" , "b":12,"c":-1.5e3 ,"d":true,"e":false,"f":null, "g":"" } """)!;

        Assert.HasCount(6, values);
        Assert.AreEqual("x", values["a"]);
        Assert.AreEqual("12", values["b"]);
        Assert.AreEqual("-1.5e3", values["c"]);
        Assert.AreEqual("true", values["d"]);
        Assert.AreEqual("false", values["e"]);
        Assert.AreEqual(string.Empty, values["g"]);
    }

    [TestMethod]
    public void Every_escape_is_read()
    {
        var values = FlatJson.Parse("""{"\u0061":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00é😀"}""")!;

        Assert.AreEqual("\"\\/\b\f\n\r\té😀é😀", values["a"]);
    }

    [TestMethod]
    public void It_reads_what_a_real_writer_writes()
    {
        var text = "line\n\t\"quoted\" C:\\path {0} 50% é 😀 \u2028 </script>";

        Assert.AreEqual(text, FlatJson.Parse(System.Text.Json.JsonSerializer.Serialize(new { message = text }))!["message"]);
    }

    [TestMethod]
    public void An_empty_object_has_no_values_and_the_last_of_equal_keys_wins()
    {
        Assert.IsEmpty(FlatJson.Parse("{}")!);
        Assert.AreEqual("2", FlatJson.Parse("""{"a":1,"a":2}""")!["a"]);
        Assert.IsEmpty(FlatJson.Parse("""{"a":1,"a":null}""")!);
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("null")]
    [DataRow("[]")]
    [DataRow("{")]
    [DataRow("{\"a\"}")]
    [DataRow("{\"a\":}")]
    [DataRow("{\"a\":1,}")]
    [DataRow("{\"a\":1} x")]
    [DataRow("{\"a\":{}}")]
    [DataRow("{\"a\":[1]}")]
    [DataRow("{\"a\":yes}")]
    [DataRow("{\"a\":+1}")]
    [DataRow("{\"a\":NaN}")]
    [DataRow("{\"a\":\"x}")]
    [DataRow("{\"a\":\"\\x\"}")]
    [DataRow("{\"a\":\"\\u12\"}")]
    [DataRow("{\"a\":\"\\u12g4\"}")]
    [DataRow("{\"a\":\"tab\there\"}")]
    [DataRow("{a:1}")]
    public void Anything_else_is_refused(string text) => Assert.IsNull(FlatJson.Parse(text));

    [TestMethod]
    public void Every_prefix_of_an_object_is_refused_without_an_exception()
    {
        const string text = """{"type":"diagnostic","line":9,"message":"a \"b\" \u00e9"}""";
        for (var length = 0; length < text.Length; length++)
        {
            Assert.IsNull(FlatJson.Parse(text[..length]), text[..length]);
        }
    }
}
