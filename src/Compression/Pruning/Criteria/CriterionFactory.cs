namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>Makes criteria of what a recipe says.</summary>
internal static class CriterionFactory
{
    /// <summary>The criterion.</summary>
    /// <param name="criterion">Which.</param>
    /// <param name="seed">The recipe's seed.</param>
    public static Criterion Create(StructureCriterion criterion, long seed) => criterion switch
    {
        StructureCriterion.Random => new RandomCriterion(seed),
        StructureCriterion.MagnitudeL1 => new MagnitudeL1Criterion(),
        StructureCriterion.Taylor => new TaylorCriterion(),
        StructureCriterion.ElementwiseTaylor => new ElementwiseTaylorCriterion(),
        StructureCriterion.DiffPruning => new DiffPruningCriterion(),
        StructureCriterion.DiffPruningTables => new DiffPruningTablesCriterion(),
        StructureCriterion.Fisher => new FisherCriterion(),
        StructureCriterion.Lamp => new LampCriterion(),
        StructureCriterion.NormScale => new NormScaleCriterion(),
        StructureCriterion.ActivationVariance => new ActivationVarianceCriterion(),
        StructureCriterion.Magnitude => new MagnitudeCriterion(),
        _ => throw new ArgumentException($"The criterion {criterion} is not for channels.", nameof(criterion)),
    };

    /// <summary>
    /// The criterion of a recipe, or the one that wins the comparison of docs/criteria.md: among all where the recipe has data to look at,
    /// among those that need none where not.
    /// </summary>
    public static StructureCriterion Of(PruneOptions options) => options.Criterion ?? (
        options.Structure is not (PruneStructure.Weights or PruneStructure.NM or PruneStructure.Blocks) && (options.Importance is not null || options.Finetune is not null)
            ? StructureCriterion.ActivationVariance : StructureCriterion.Magnitude);

    /// <summary>Whether a criterion, for channels or blocks, needs data of the recipe.</summary>
    public static bool NeedsData(StructureCriterion criterion) => criterion switch
    {
        StructureCriterion.Laptop => true,
        StructureCriterion.Sensitivity => false, // It draws its own samples.
        _ => Create(criterion, 0).Data != CriterionData.None,
    };
}
