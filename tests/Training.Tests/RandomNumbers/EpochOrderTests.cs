using CompressTool.Training.RandomNumbers;

namespace CompressTool.Training.Tests.RandomNumbers;

[TestClass]
public sealed class EpochOrderTests
{
    [TestMethod]
    public void Each_epoch_has_every_item_once_in_an_order_of_its_own()
    {
        var order = new EpochOrder(1, 100);
        var epochs = Enumerable.Range(0, 5).Select(epoch => Enumerable.Range(0, 100).Select(i => order[(epoch * 100) + i]).ToArray()).ToList();

        foreach (var epoch in epochs)
        {
            CollectionAssert.AreEqual(Enumerable.Range(0, 100).ToArray(), epoch.Order().ToArray());
        }

        Assert.HasCount(5, epochs.Select(epoch => string.Join(',', epoch)).Distinct());
        Assert.AreNotEqual(string.Join(',', epochs[0]), string.Join(',', Enumerable.Range(0, 100).Select(i => new EpochOrder(2, 100)[i])));
    }

    [TestMethod]
    public void The_order_does_not_depend_on_where_one_starts()
    {
        var forward = new EpochOrder(5, 37);
        var expected = Enumerable.Range(0, 200).Select(i => forward[i]).ToArray();
        var backward = new EpochOrder(5, 37);
        for (var i = 199; i >= 0; i--)
        {
            Assert.AreEqual(expected[i], backward[i]);
        }
    }

    [TestMethod]
    public void All_orders_are_equally_likely()
    {
        var order = new EpochOrder(1, 4);
        var counts = new Dictionary<string, int>();
        const int epochs = 24_000;
        for (long epoch = 0; epoch < epochs; epoch++)
        {
            var key = string.Join(',', Enumerable.Range(0, 4).Select(i => order[(epoch * 4) + i]));
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        Assert.HasCount(24, counts);
        Assert.IsLessThan(23 + (4 * Math.Sqrt(46)), counts.Values.Sum(count => (count - 1000.0) * (count - 1000) / 1000));
    }
}
