namespace CompressTool.Training.RandomNumbers;

/// <summary>
/// The order in which a training takes the items of a data set: each once in an epoch, shuffled anew for every epoch. A
/// function of seed and place, so that a training can go on anywhere. Safe for use on several threads.
/// </summary>
public sealed class EpochOrder
{
    private readonly RandomSource _random;
    private readonly Lock _lock = new();
    private readonly int[] _order;
    private long _epoch = -1;

    /// <summary>The order of a data set.</summary>
    /// <param name="seed">The training's seed.</param>
    /// <param name="count">Number of items; more than 0.</param>
    public EpochOrder(ulong seed, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _random = new RandomSource(seed, "shuffle");
        _order = new int[count];
    }

    /// <summary>Number of items.</summary>
    public int Count => _order.Length;

    /// <summary>The item at a place of the training.</summary>
    /// <param name="place">The number of items before it since the start of the training.</param>
    public int this[long place]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(place);
            var (epoch, index) = Math.DivRem(place, Count);
            lock (_lock)
            {
                if (epoch != _epoch)
                {
                    Shuffle(epoch);
                }

                return _order[index];
            }
        }
    }

    /// <summary>Durstenfeld's form of the Fisher-Yates shuffle.</summary>
    private void Shuffle(long epoch)
    {
        var stream = _random.Stream(epoch);
        for (var i = 0; i < Count; i++)
        {
            _order[i] = i;
        }

        for (var i = Count - 1; i > 0; i--)
        {
            var other = (int)stream.NextInt64(i + 1);
            (_order[i], _order[other]) = (_order[other], _order[i]);
        }

        _epoch = epoch;
    }
}
