namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>The gradient rules of all operators that can be decomposed.</summary>
internal static class DecomposedRules
{
    public static readonly Dictionary<string, GradientRule> Rules =
        new[] { AttentionForms.All, GroupQueryForms.All, RotaryForms.All, RecurrentForms.All, NormalizationForms.All, FusedForms.All, SamplingForms.All }
            .SelectMany(family => family).ToDictionary(pair => pair.Key, pair => Decomposed.Rule(pair.Value));
}
