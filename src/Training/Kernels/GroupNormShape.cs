using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>Attributes of a group normalisation with or without an activation.</summary>
internal sealed record GroupNormAttributes
{
    public GroupNormAttributes(KernelInfo info)
    {
        Groups = info.GetInt("num_groups");
        Epsilon = info.GetFloat("epsilon", 1e-5f);
        var activation = info.GetInt("activation", 1);
        if (Groups < 1 || activation is not (0 or 1))
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"num_groups {Groups} must be at least 1, and activation {activation} 0 for none or 1 for SiLU.");
        }

        HasSilu = activation == 1;
    }

    public long Groups { get; }

    public float Epsilon { get; }

    public bool HasSilu { get; }
}

/// <summary>A group normalisation with its sizes.</summary>
internal sealed record GroupNormShape
{
    /// <summary>Takes the sizes of an input [N, C, ...], and checks the parameters.</summary>
    public GroupNormShape(GroupNormAttributes attributes, KernelTensor x, KernelTensor scale, KernelTensor bias)
    {
        var channels = x.Dims.Count < 2 ? 0 : x.Dims[1];
        if (channels % attributes.Groups != 0 || x.Dims.Count < 2 || !scale.Dims.SequenceEqual([channels]) || !bias.Dims.SequenceEqual([channels]))
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"X {x} must have channels that {attributes.Groups} groups divide, and scale {scale} and bias {bias} one number for each.");
        }

        Images = x.Dims[0];
        Channels = channels;
        Groups = attributes.Groups;
        GroupChannels = channels / Groups;
        ChannelSize = x.Dims.Skip(2).Aggregate(1L, (size, dim) => size * dim);
        GroupSize = GroupChannels * ChannelSize;

        // Several for each thread, each of at least some microseconds.
        var all = Images * Groups;
        Tasks = GroupSize == 0 ? 0 : (int)Math.Clamp(all * GroupSize / 8192, Math.Min(all, 1), Math.Min(all, 64));
    }

    public long Images { get; }

    public long Channels { get; }

    public long Groups { get; }

    /// <summary>Channels of a group.</summary>
    public long GroupChannels { get; }

    /// <summary>Elements of a channel of an image.</summary>
    public long ChannelSize { get; }

    /// <summary>Elements of a group of an image.</summary>
    public long GroupSize { get; }

    /// <summary>Parts of the work.</summary>
    public int Tasks { get; }

    /// <summary>First group of a task, counting over all images.</summary>
    public long First(int task) => task * Images * Groups / Tasks;
}
