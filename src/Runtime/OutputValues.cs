using System.Collections;

namespace CompressTool.Runtime;

/// <summary>The outputs of a run; disposing it disposes them all.</summary>
public sealed class OutputValues : IReadOnlyList<OrtValue>, IDisposable
{
    private readonly IReadOnlyList<string> _names;
    private readonly OrtValue[] _values;

    internal OutputValues(IReadOnlyList<string> names, OrtValue[] values)
    {
        _names = names;
        _values = values;
    }

    /// <inheritdoc/>
    public int Count => _values.Length;

    /// <inheritdoc/>
    public OrtValue this[int index] => _values[index];

    /// <summary>The output of a name.</summary>
    /// <exception cref="KeyNotFoundException">It was not asked for.</exception>
    public OrtValue this[string name]
    {
        get
        {
            for (var i = 0; i < _values.Length; i++)
            {
                if (_names[i] == name)
                {
                    return _values[i];
                }
            }

            throw new KeyNotFoundException($"The run has no output '{name}'. It has: {string.Join(", ", _names)}.");
        }
    }

    /// <inheritdoc/>
    public IEnumerator<OrtValue> GetEnumerator() => ((IEnumerable<OrtValue>)_values).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in _values)
        {
            value.Dispose();
        }
    }
}
