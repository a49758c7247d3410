using CompressTool.Compression.Pruning.Blocks;

namespace CompressTool.Compression.Tests.Pruning.Blocks;

/// <summary>The knapsack that chooses blocks.</summary>
[TestClass]
public sealed class CoverKnapsackTests
{
    [TestMethod]
    public void The_example_of_the_method()
    {
        double[] costs = [4, 1, 3, 0.5, 2];
        long[] gains = [5, 2, 4, 1, 3];
        var chosen = CoverKnapsack.Choose([.. gains.Zip(costs, (gain, cost) => new CoverItem(gain, cost))], 6)!;
        Assert.AreSequenceEqual([1, 3, 4], chosen);
        Assert.AreEqual(3.5, chosen.Sum(index => costs[index]));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Is_as_good_as_trying_everything(bool trees)
    {
        var random = new Random(5);
        for (var run = 0; run < 200; run++)
        {
            var items = Items(random, random.Next(1, trees ? 13 : 19), trees);
            var demand = random.NextInt64(1, 2 + items.Sum(item => item.Gain));
            var best = Best(items, demand);

            var chosen = CoverKnapsack.Choose(items, demand);

            Assert.AreEqual(double.IsInfinity(best), chosen is null, $"run {run}");
            if (chosen is not null)
            {
                Assert.IsTrue(IsPossible(items, chosen), $"run {run}: a whole and its part");
                Assert.IsGreaterThanOrEqualTo(demand, chosen.Sum(index => items[index].Gain), $"run {run}");
                Assert.AreEqual(best, chosen.Sum(index => items[index].Cost), 1e-9, $"run {run}");
            }
        }
    }

    [TestMethod]
    public void Large_gains_are_rounded_and_the_demand_is_met()
    {
        var random = new Random(6);
        for (var run = 0; run < 10; run++)
        {
            CoverItem[] items = [.. Enumerable.Range(0, 14).Select(_ => new CoverItem(random.NextInt64(1_000_000, 90_000_000), random.NextDouble()))];
            var demand = items.Sum(item => item.Gain) * (run + 1) / 10;

            var chosen = CoverKnapsack.Choose(items, demand)!;

            Assert.IsGreaterThanOrEqualTo(demand, chosen.Sum(index => items[index].Gain));
            Assert.IsLessThanOrEqualTo(Best(items, Math.Min(items.Sum(item => item.Gain), demand + (demand * 14 / CoverKnapsack.MaxUnits))) + 1e-9, chosen.Sum(index => items[index].Cost));
        }
    }

    [TestMethod]
    public void Nothing_is_chosen_for_nothing_and_never_a_part_with_its_whole()
    {
        CoverItem[] items = [new(10, 5, Inside: 2), new(4, 1), new(5, 1)];
        Assert.IsEmpty(CoverKnapsack.Choose(items, 0)!);
        Assert.AreSequenceEqual([1, 2], CoverKnapsack.Choose(items, 9)!);
        Assert.AreSequenceEqual([0], CoverKnapsack.Choose(items, 10)!);
        Assert.IsNull(CoverKnapsack.Choose(items, 11));
    }

    [TestMethod]
    public void Items_that_are_no_trees_are_refused()
    {
        Assert.ThrowsExactly<ArgumentException>(() => CoverKnapsack.Choose([new(1, 1, Inside: 1)], 1));
        Assert.ThrowsExactly<ArgumentException>(() => CoverKnapsack.Choose([new(1, 1, Inside: 1), new(1, 1, Inside: 1), new(1, 1)], 1));
        Assert.ThrowsExactly<ArgumentException>(() => CoverKnapsack.Choose([new(-1, 1)], 1));
        Assert.ThrowsExactly<ArgumentException>(() => CoverKnapsack.Choose([new(1, double.NaN)], 1));
    }

    private static CoverItem[] Items(Random random, int count, bool trees)
    {
        var inside = new int[count];
        if (trees)
        {
            Nest(0, count);
        }

        return [.. inside.Select(parts => new CoverItem(random.Next(0, 40), random.Next(4) == 0 ? random.Next(3) : random.NextDouble() * 5, parts))];

        void Nest(int first, int end)
        {
            while (first < end)
            {
                inside[first] = random.Next(end - first);
                Nest(first + 1, first + 1 + inside[first]);
                first += 1 + inside[first];
            }
        }
    }

    private static double Best(CoverItem[] items, long demand)
    {
        var best = double.PositiveInfinity;
        for (var choice = 0; choice < 1 << items.Length; choice++)
        {
            int[] chosen = [.. Enumerable.Range(0, items.Length).Where(index => (choice & (1 << index)) != 0)];
            if (chosen.Sum(index => items[index].Gain) >= demand && IsPossible(items, chosen))
            {
                best = Math.Min(best, chosen.Sum(index => items[index].Cost));
            }
        }

        return best;
    }

    private static bool IsPossible(CoverItem[] items, IReadOnlyList<int> chosen) =>
        !chosen.Any(whole => chosen.Any(part => part > whole && part <= whole + items[whole].Inside));
}
