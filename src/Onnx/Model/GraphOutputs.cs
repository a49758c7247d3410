using System.Collections.ObjectModel;

namespace CompressTool.Onnx;

/// <summary>The outputs of a graph, in order; a value may be listed twice. Each value knows that it is listed.</summary>
public sealed class GraphOutputs : Collection<Value>
{
    private readonly Graph _graph;

    internal GraphOutputs(Graph graph) => _graph = graph;

    /// <summary>Appends several.</summary>
    public void AddRange(IEnumerable<Value> values)
    {
        foreach (var value in values)
        {
            Add(value);
        }
    }

    /// <inheritdoc/>
    protected override void InsertItem(int index, Value item)
    {
        ArgumentNullException.ThrowIfNull(item);
        base.InsertItem(index, item);
        item.AddOutputOf(_graph);
    }

    /// <inheritdoc/>
    protected override void SetItem(int index, Value item)
    {
        ArgumentNullException.ThrowIfNull(item);
        this[index].RemoveOutputOf(_graph);
        base.SetItem(index, item);
        item.AddOutputOf(_graph);
    }

    /// <inheritdoc/>
    protected override void RemoveItem(int index)
    {
        this[index].RemoveOutputOf(_graph);
        base.RemoveItem(index);
    }

    /// <inheritdoc/>
    protected override void ClearItems()
    {
        foreach (var item in this)
        {
            item.RemoveOutputOf(_graph);
        }

        base.ClearItems();
    }
}
