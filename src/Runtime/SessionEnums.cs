namespace CompressTool.Runtime;

/// <summary>Which graph optimizations a session makes when it loads a model.</summary>
public enum GraphOptimizationLevel
{
    /// <summary>None: the graph runs as it is written.</summary>
    DisableAll = 0,
    /// <summary>Constant folding, removal of redundant nodes.</summary>
    Basic = 1,
    /// <summary>Also fusions into operators of ONNX Runtime's own domains.</summary>
    Extended = 2,
    /// <summary>Also layout changes of the provider, for this processor only.</summary>
    Layout = 3,
    /// <summary>All.</summary>
    All = 99,
}

/// <summary>Whether independent nodes of a graph run one after the other or at once.</summary>
public enum ExecutionMode
{
    /// <summary>One node at a time, each on all intra-op threads.</summary>
    Sequential,
    /// <summary>Independent nodes at once, on the inter-op threads.</summary>
    Parallel,
}

/// <summary>The kind of a value.</summary>
public enum OnnxValueType
{
    /// <summary>Unknown.</summary>
    Unknown,
    /// <summary>A tensor.</summary>
    Tensor,
    /// <summary>A sequence.</summary>
    Sequence,
    /// <summary>A map.</summary>
    Map,
    /// <summary>An opaque type.</summary>
    Opaque,
    /// <summary>A sparse tensor.</summary>
    SparseTensor,
    /// <summary>An optional value.</summary>
    Optional,
}
