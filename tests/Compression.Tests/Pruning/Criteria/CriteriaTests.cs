using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;
using static CompressTool.Compression.Tests.Pruning.Criteria.SliceSumsTests;

namespace CompressTool.Compression.Tests.Pruning.Criteria;

/// <summary>Every criterion on numbers that were worked out by hand.</summary>
[TestClass]
public sealed class CriteriaTests
{
    /// <summary>The gradients of two timesteps, [[.2,.1],[-.1,.4]] and [[-.3,.2],[.1,.2]], added up with their signs.</summary>
    private static readonly float[] s_gradient = [-0.1f, 0.3f, 0, 0.6f];

    /// <summary>The criteria for channels, heads and neurons.</summary>
    public static IEnumerable<StructureCriterion> OfChannels => Enum.GetValues<StructureCriterion>().Except([StructureCriterion.Laptop, StructureCriterion.Sensitivity]);

    [TestMethod]
    [DataRow(StructureCriterion.MagnitudeL1, 3, 3.5)]
    [DataRow(StructureCriterion.Magnitude, 5, 9.25)]
    [DataRow(StructureCriterion.Taylor, 0.5, 0.3)]
    [DataRow(StructureCriterion.ElementwiseTaylor, 0.7, 0.3)]
    [DataRow(StructureCriterion.DiffPruning, 0.7, 0.3)]
    [DataRow(StructureCriterion.DiffPruningTables, 0.37, 0.09)]
    [DataRow(StructureCriterion.Fisher, 0.55, 0.075)] // (1 * -.1 + 4 * .3) / 2 and .25 * .6 / 2: here the numbers stand for squares.
    public void Rows_have_the_scores_of_the_definition(StructureCriterion kind, double first, double second)
    {
        var (weight, data) = Weight();

        var rows = CriterionFactory.Create(kind, 0).Score(new ScoredWeight(weight, [0], MemberRole.Output), data, default);

        AssertClose([first, second], rows[0], 1e-6);
    }

    [TestMethod]
    public void Columns_are_slices_too()
    {
        var (weight, data) = Weight();

        var scores = new TaylorCriterion().Score(new ScoredWeight(weight, [0, 1], MemberRole.Input), data, default);

        AssertClose([0.5, 0.3], scores[0], 1e-6);
        AssertClose([0.1, 0.9], scores[1], 1e-6);
    }

    [TestMethod]
    public void Lamp_divides_by_all_that_are_no_smaller()
    {
        var group = Group(new GraphBuilder(), [0.1f, 0.2f, 0.4f], MemberRole.Output);

        var scores = new GroupScorer(new LampCriterion()).Score(group, 3)!;

        AssertClose([0.047619047, 0.2, 1], scores.Scores, 1e-6);
    }

    [TestMethod]
    public void Lamp_of_equal_scores_is_equal()
    {
        CollectionAssert.AreEqual(new[] { 0.25, 0.25, 1, 0 }, GroupScorer.Normalize([2, 2, 4, 0], GroupNormalizer.Lamp));
        CollectionAssert.AreEqual(new double[] { 0, 0 }, GroupScorer.Normalize([0, 0], GroupNormalizer.Lamp));
    }

    [TestMethod]
    public void Scores_are_divided_by_their_mean_or_the_largest()
    {
        CollectionAssert.AreEqual(new[] { 0.5, 1, 1.5 }, GroupScorer.Normalize([1, 2, 3], GroupNormalizer.Mean));
        CollectionAssert.AreEqual(new[] { 0.25, 0.5, 1 }, GroupScorer.Normalize([1, 2, 4], GroupNormalizer.Max));
        CollectionAssert.AreEqual(new double[] { 1, 2, 4 }, GroupScorer.Normalize([1, 2, 4], GroupNormalizer.None));
        CollectionAssert.AreEqual(new double[] { 0, 0 }, GroupScorer.Normalize([0, 0], GroupNormalizer.Mean));
    }

    [TestMethod]
    public void Thinned_weights_are_scored_by_what_is_left()
    {
        var weight = new GraphBuilder().Weight("w", Tensor.Floats([2, 3], 1, 2, 3, 4, 5, 6));
        GroupMember rows = new(weight, 0, [0, 1], MemberRole.Output), columns = new(weight, 1, [1, 0, -1], MemberRole.Input);
        var scorer = new GroupScorer(new MagnitudeL1Criterion());
        scorer.Read([([rows], 2), ([columns], 2)]);

        CollectionAssert.AreEqual(new double[] { 6, 15 }, scorer.Score([rows], 2)!.Sums);
        CollectionAssert.AreEqual(new double[] { 7, 5 }, scorer.Score([columns], 2)!.Sums);
        CollectionAssert.AreEqual(new double[] { 4, 10 }, scorer.Score([rows], 2, _ => [null, [true, false, true]])!.Sums);
        CollectionAssert.AreEqual(new double[] { 5, 4 }, scorer.Score([columns], 2, _ => [[false, true], null])!.Sums);
        CollectionAssert.AreEqual(new double[] { 6, 15 }, scorer.Score([rows], 2, _ => [null, [true, true, true]])!.Sums);
    }

    [TestMethod]
    public void Chance_depends_on_seed_and_group_alone()
    {
        var builder = new GraphBuilder();
        var (group, other) = (Group(builder, [1, 2, 3], MemberRole.Output), Group(builder, [1, 2, 3], MemberRole.Output));

        double[] Scores(IReadOnlyList<GroupMember> members, long seed)
        {
            var scorer = new GroupScorer(CriterionFactory.Create(StructureCriterion.Random, seed));
            scorer.Read([(members, 3)]); // Nothing is read.
            return scorer.Score(members, 3)!.Scores;
        }

        CollectionAssert.AreEqual(Scores(group, 1), Scores(group, 1));
        CollectionAssert.AreNotEqual(Scores(group, 1), Scores(group, 2));
        CollectionAssert.AreNotEqual(Scores(group, 1), Scores(other, 1));
        Assert.IsTrue(Scores(group, 1).All(score => score is >= 0 and < 1));
        Assert.HasCount(3, Scores(group, 1).Distinct());
    }

    [TestMethod]
    public void Scales_of_normalisations_count_and_shifts_do_not()
    {
        var builder = new GraphBuilder();
        var scale = Group(builder, [0.5f, -2, 1], MemberRole.Normalization)[0];
        var shift = Group(builder, [9, 9, 9], MemberRole.Normalization)[0];
        var layer = Group(builder, [7, 7, 7], MemberRole.Output)[0];
        var reshaped = builder.Add("Unsqueeze", "unsqueeze", [scale.Weight, builder.Weight("axes", Tensor.Int64s(1, 2))]);
        builder.Add("Add", "shift", [builder.Add("Mul", "scale", [builder.Input, reshaped]), shift.Weight]);
        builder.MatMul("layer", layer.Weight);

        var scores = new GroupScorer(new NormScaleCriterion()).Score([layer, scale, shift], 3)!;

        Assert.AreEqual(1, scores.Members);
        AssertClose([0.5, 2, 1], scores.Scores, 1e-7);
        Assert.IsNull(new GroupScorer(new NormScaleCriterion()).Score([layer, shift], 3));
    }

    [TestMethod]
    public void Tables_take_scales_unsquared_and_leave_out_what_holds_the_group_twice()
    {
        var builder = new GraphBuilder();
        var layer = Group(builder, [1, 2], MemberRole.Output)[0];
        var scale = Group(builder, [3, 4], MemberRole.Normalization)[0];
        var twice = Group(builder, [5, 6, 7, 8], MemberRole.Input)[0] with { Channels = [0, 1, 0, 1] };
        builder.Graph.Add(new Node("LayerNormalization", [builder.Input, scale.Weight], [new Value("norm")]));
        var data = new ImportanceData(new[] { layer, scale, twice }.ToDictionary(member => member.Weight.Name, member =>
            Tensor.Floats(member.Weight.Initializer!.Dims, [.. Enumerable.Repeat(0.5f, (int)member.Weight.Initializer!.Count)])));

        var tables = new GroupScorer(new DiffPruningTablesCriterion(), data).Score([layer, scale, twice], 2)!;
        var port = new GroupScorer(new DiffPruningCriterion(), data).Score([layer, scale, twice], 2)!;

        AssertClose([0.25 + 1.5, 1 + 2], tables.Scores, 1e-7);
        AssertClose([0.5 + 2.5 + 3.5, 1 + 3 + 4], port.Sums, 1e-7);
        AssertClose([6.5 / 7.25, 8 / 7.25], port.Scores, 1e-7);
        Assert.AreEqual(2, port.Members);
    }

    [TestMethod]
    public void Every_criterion_has_a_name_and_a_class()
    {
        var classes = OfChannels.Select(kind => CriterionFactory.Create(kind, 0).GetType()).ToArray();

        Assert.HasCount(classes.Length, classes.Distinct());
        foreach (var kind in Enum.GetValues<StructureCriterion>())
        {
            var name = (OptionNameAttribute)typeof(StructureCriterion).GetField(kind.ToString())!.GetCustomAttributes(typeof(OptionNameAttribute), false).Single();
            Assert.IsFalse(string.IsNullOrEmpty(name.Description), name.Name);
        }
    }

    private static (Value Weight, ImportanceData Data) Weight()
    {
        var weight = new GraphBuilder().Weight("w", Tensor.Floats([2, 2], 1, 2, 3, 0.5f));
        return (weight, new ImportanceData(new Dictionary<string, Tensor> { ["w"] = Tensor.Floats([2, 2], s_gradient) }));
    }

    private static GroupMember[] Group(GraphBuilder builder, float[] elements, MemberRole role)
    {
        var weight = builder.Weight($"w{builder.Graph.Initializers.Count}", Tensor.Floats([elements.Length, 1], elements));
        return [new GroupMember(weight, 0, [.. Enumerable.Range(0, elements.Length)], role)];
    }
}
