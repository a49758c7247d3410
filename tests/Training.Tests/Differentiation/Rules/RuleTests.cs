using CompressTool.Runtime.CustomOperators;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Tests.Differentiation.Rules.Cases;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>Every rule against central differences.</summary>
[TestClass]
public sealed class RuleTests
{
    private const int LeastCases = 3;

    // Straight-through on purpose, and not what differences give: QuantizationTests check it.
    private static readonly string[] s_straightThrough = ["QuantizeLinear", "com.microsoft:QuantizeLinear"];

    private static readonly OperatorCase[] s_cases =
    [
        .. ElementwiseCases.All, .. ReductionCases.All, .. ProductCases.All, .. ConvolutionCases.All, .. NormalizationCases.All,
        .. PoolingCases.All, .. AttentionCases.All, .. RecurrentCases.All, .. FusedCases.All, .. ShapingCases.All, .. ResizingCases.All, .. IndexingCases.All, .. QuantizationCases.All,
    ];

    public static IEnumerable<string> Operators => s_cases.Select(setting => setting.Operator).Distinct();

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DynamicData(nameof(Operators))]
    public void Gradient_equals_central_differences(string name)
    {
        foreach (var setting in s_cases.Where(setting => setting.Operator == name))
        {
            var (error, isDouble) = RuleCheck.Run(setting);
            TestContext.WriteLine($"{error:e1} {(isDouble ? "double" : "float ")} {setting}");
        }
    }

    [TestMethod]
    public void Every_rule_has_cases()
    {
        // Operators of our own compute in float32 only: the tests of their kernels and of fusion check these against double arithmetic and the plain graph.
        var few = GradientRules.All.Where(rule => rule.Domain != CustomOperator.Domain).Select(rule => rule.Domain.Length > 0 ? $"{rule.Domain}:{rule.OpType}" : rule.OpType)
            .Except(s_straightThrough).Where(name => s_cases.Count(setting => setting.Operator == name) < LeastCases).Order(StringComparer.Ordinal).ToArray();
        Assert.IsEmpty(few, $"fewer than {LeastCases} cases: {string.Join(", ", few)}");
    }
}
