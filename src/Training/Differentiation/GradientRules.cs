using CompressTool.Training.Differentiation.Decompositions;
using CompressTool.Training.Differentiation.Rules;

namespace CompressTool.Training.Differentiation;

/// <summary>The table from operator to gradient, put together from the families in the folder Rules.</summary>
internal static class GradientRules
{
    private static readonly Dictionary<(string Domain, string OpType), GradientRule> s_rules = Collect(
        Elementwise.Rules, Selection.Rules, Reduction.Rules, Products.Rules, Convolution.Rules, Normalization.Rules, Shaping.Rules,
        Resizing.Rules, Padding.Rules, Indexing.Rules, Scattering.Rules, Pooling.Rules, Unfolding.Rules, Quantization.Rules, Fused.Rules, DecomposedRules.Rules);

    /// <summary>All operators that have a gradient.</summary>
    public static IEnumerable<(string Domain, string OpType)> All => s_rules.Keys;

    /// <summary>The rule of an operator; null for one without a gradient.</summary>
    public static GradientRule? Find(string domain, string opType) => s_rules.GetValueOrDefault((domain, opType));

    private static Dictionary<(string Domain, string OpType), GradientRule> Collect(params ReadOnlySpan<Dictionary<string, GradientRule>> families)
    {
        var result = new Dictionary<(string Domain, string OpType), GradientRule>();
        foreach (var family in families)
        {
            foreach (var (name, rule) in family)
            {
                var colon = name.IndexOf(':');
                result.Add(colon < 0 ? ("", name) : (name[..colon], name[(colon + 1)..]), rule);
            }
        }

        return result;
    }
}
