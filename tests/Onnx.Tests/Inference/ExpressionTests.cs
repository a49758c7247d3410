using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ExpressionTests
{
    [TestMethod]
    [DataRow("batch", "batch")]
    [DataRow("batch*2", "2*batch")]
    [DataRow("b*a + 3 - a*b", "3")]
    [DataRow("(a + 1)*(a - 1)", "a*a - 1")]
    [DataRow("a - b + b", "a")]
    [DataRow("floor((h - 1)/2) + 1", "floor((h + 1)/2)")]
    [DataRow("floor((floor((h + 1)/2) + 1)/2)", "floor((h + 3)/4)")]
    [DataRow("floor((4*h + 6)/8)", "floor((h + 1)/2)")]
    [DataRow("(6*h)//2", "3*h")]
    [DataRow("max(2, h + 1)", "h + 1")]
    [DataRow("min(h, h + 3)", "h")]
    [DataRow("max(h, min(h, w))", "h")]
    [DataRow("past_length + 1", "past_length + 1")]
    [DataRow("my-batch", "my-batch")]
    [DataRow("Reshape out/dim 0", "Reshape out/dim 0")]
    [DataRow("99999999999999999999", "99999999999999999999")]
    [DataRow("2*(a", "2*(a")]
    public void Text_is_canonical(string text, string canonical) => Assert.AreEqual(canonical, ExpressionParser.Parse(text).ToString());

    [TestMethod]
    [DataRow("6*a*b + 3*b", "3*b", "2*a + 1")]
    [DataRow("a*a - b*b", "a + b", "a - b")]
    [DataRow("a*b + a + b + 1", "b + 1", "a + 1")]
    [DataRow("a + 1", "2", null)]
    [DataRow("a", "b", null)]
    [DataRow("a", "0", null)]
    public void Division_is_exact_or_none(string dividend, string divisor, string? quotient) =>
        Assert.AreEqual(quotient, Expression.DivideExactly(ExpressionParser.Parse(dividend), ExpressionParser.Parse(divisor))?.ToString());

    [TestMethod]
    public void Canonical_text_reads_back_and_evaluates_alike()
    {
        var random = new Random(5);
        string Term() => random.Next(8) switch
        {
            0 => $"floor(({Sum()})/{random.Next(2, 7)})",
            1 => $"max({Sum()}, {Sum()})",
            2 => $"min({Sum()}, {Sum()})",
            3 => $"{random.Next(9)}*a*b",
            4 => $"{random.Next(9)}*c",
            _ => new[] { "a", "b", "c" }[random.Next(3)],
        };
        string Sum() => $"{Term()} {(random.Next(2) == 0 ? "+" : "-")} {random.Next(9)}";
        for (var round = 0; round < 300; round++)
        {
            var expression = ExpressionParser.Parse(Sum());
            Assert.AreEqual(expression.ToString(), ExpressionParser.Parse(expression.ToString()).ToString());
            var values = new Dictionary<string, Expression?> { ["a"] = random.Next(1, 20), ["b"] = random.Next(1, 20), ["c"] = random.Next(1, 20) };
            var number = expression.Substitute(name => values[name]).Number;
            Assert.IsNotNull(number);
            Assert.AreEqual(number, (expression + expression - expression).Substitute(name => values[name]).Number);
            Assert.IsTrue(expression.Minimum is null || number >= expression.Minimum, expression.ToString());
            Assert.AreEqual(FloorOf(number.Value, 5), Expression.FloorDivide(expression, 5)!.Substitute(name => values[name]).Number, expression.ToString());
        }
    }

    [TestMethod]
    [DataRow("batch", "-1", 1)]
    [DataRow("2*batch", "batch", 1)]
    [DataRow("a", "a", 0)]
    [DataRow("a", "a + 2", -1)]
    [DataRow("a", "b", null)]
    [DataRow("a", "1", null)]
    public void Comparison_uses_that_symbols_are_positive(string left, string right, int? sign) =>
        Assert.AreEqual(sign, Expression.Compare(ExpressionParser.Parse(left), ExpressionParser.Parse(right)));

    private static long FloorOf(long dividend, long divisor) => (long)Math.Floor((double)dividend / divisor);
}
