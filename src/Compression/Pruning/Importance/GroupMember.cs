using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>How a weight belongs to a group of coupled channels.</summary>
public enum MemberRole
{
    /// <summary>Rows that make the channels: the output channels of a convolution or matrix product.</summary>
    Output,

    /// <summary>Columns that read the channels: the input channels of a convolution or matrix product.</summary>
    Input,

    /// <summary>Scale or shift of a normalisation.</summary>
    Normalization,

    /// <summary>Anything else that must lose the same channels: biases, gains, embeddings.</summary>
    Other,
}

/// <summary>An initializer's axis whose indices belong to channels of a group.</summary>
/// <param name="Weight">The initializer.</param>
/// <param name="Axis">The axis of the stored tensor.</param>
/// <param name="Channels">The channel of the group at each index of the axis, -1 where an index belongs to none; the same channel
/// may stand at several indices (concatenations, flattened maps).</param>
/// <param name="Role">How the weight belongs to the group.</param>
public sealed record GroupMember(Value Weight, int Axis, int[] Channels, MemberRole Role);
