using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>What hangs together in well-known architectures, told from their papers.</summary>
[TestClass]
public sealed class ClassicGroupsTests
{
    private const string ResNet = "resnet/batchnorm-static";
    private const string MobileNet = "mobilenet-v3/batchnorm-dynamic";
    private const string DenseNet = "densenet/batchnorm-dynamic";

    public static IEnumerable<object[]> All => ClassicModels.All.Select(model => new object[] { model });

    /// <summary>Pairs of forms of one architecture.</summary>
    public static IEnumerable<object[]> Forms => ClassicModels.All.GroupBy(model => model.Name.Split('/')[0])
        .SelectMany(group => group.Skip(1).Select(model => new object[] { group.First(), model }));

    [TestMethod]
    [DataRow(ResNet, GroupKind.Channels, 64, "layer2.0.conv3:0 layer2.0.downsample.0:0 layer2.1.conv3:0", "layer2.1.conv1:1 fc:1", DisplayName = "residual stream of a ResNet")]
    [DataRow(ResNet, GroupKind.Channels, 16, "conv1:0", "layer1.0.conv1:1 layer1.0.downsample.0:1", DisplayName = "stem of a ResNet")]
    [DataRow(ResNet, GroupKind.Channels, 8, "layer1.0.conv1:0", "layer1.0.conv2:1", DisplayName = "bottleneck, first")]
    [DataRow(ResNet, GroupKind.Channels, 8, "layer1.0.conv2:0", "layer1.0.conv3:1", DisplayName = "bottleneck, second")]
    [DataRow(MobileNet, GroupKind.Channels, 48, "features.4.block.0.0:0 features.4.block.1.0:0 features.4.block.2.fc2:0", "features.4.block.2.fc1:1 features.4.block.3.0:1", DisplayName = "depthwise, and squeeze and excitation")]
    [DataRow(MobileNet, GroupKind.Channels, 12, "features.4.block.2.fc1:0", "features.4.block.2.fc2:1", DisplayName = "squeezed")]
    [DataRow(MobileNet, GroupKind.Channels, 16, "features.4.block.3.0:0 features.5.block.3.0:0", "features.5.block.0.0:1 features.6.0:1", DisplayName = "stream of inverted residuals")]
    [DataRow(MobileNet, GroupKind.Neurons, 48, "classifier.0:0", "classifier.3:1", DisplayName = "classifier")]
    [DataRow(DenseNet, GroupKind.Channels, 8, "features.denseblock1.denselayer2.conv2:0", "features.denseblock1.denselayer3.conv1:1 features.transition1.conv:1", DisplayName = "layer of a DenseNet, seen by all later ones")]
    [DataRow(DenseNet, GroupKind.Channels, 16, "features.conv0:0",
        "features.denseblock1.denselayer1.conv1:1 features.denseblock1.denselayer2.conv1:1 features.denseblock1.denselayer3.conv1:1 features.transition1.conv:1", DisplayName = "stem of a DenseNet")]
    [DataRow("unet/batchnorm-dynamic", GroupKind.Channels, 16, "inc.double_conv.3:0", "down1.maxpool_conv.1.double_conv.0:1 up2.conv.double_conv.0:1", DisplayName = "skip of a U-Net")]
    public void Channels_of_convolutions_belong_together(string name, GroupKind kind, int length, string makers, string readers)
    {
        var group = Analyze(name).Groups.Single(group => NamesOf(group, MemberRole.Output) == Sorted(makers));

        Assert.AreEqual(kind, group.Kind);
        Assert.AreEqual(length, group.Length);
        Assert.AreEqual(Sorted(readers), NamesOf(group, MemberRole.Input));
        Assert.AreEqual(1, group.BlockCount);
        Assert.IsFalse(group.IsMixed, "batch normalisation does not mix channels");
    }

    [TestMethod]
    public void Layer_of_a_dense_block_stands_behind_the_earlier_ones()
    {
        var group = Analyze(DenseNet).Groups.Single(group => NamesOf(group, MemberRole.Output) == "features.denseblock1.denselayer2.conv2:0");
        var reader = group.Members.Single(member => member.Weight.Name == "features.transition1.conv.weight");

        // 16 of the stem, 8 of each layer.
        CollectionAssert.AreEqual(Enumerable.Range(0, 40).Select(index => index is >= 24 and < 32 ? index - 24 : -1).ToArray(), reader.Channels);
    }

    [TestMethod]
    [DataRow("vit/static", 3, "Neurons 192, Neurons 192, Neurons 192, HeadSize 48/3, HeadSize 48/3, HeadSize 48/3, Heads 3, Heads 3, Heads 3, mixed Channels 48")]
    [DataRow("gpt2/static", 4, "Neurons 128, Neurons 128, HeadSize 32/4, HeadSize 32/4, Heads 4, Heads 4, mixed Channels 32")]
    [DataRow("bert/static", 4, "Neurons 128, Neurons 128, Neurons 32, HeadSize 32/4, HeadSize 32/4, Heads 4, Heads 4, mixed Channels 32")]
    [DataRow("llama/static", 2, "Neurons 112, Neurons 112, HeadSize 8, HeadSize 8, Heads 2, Heads 2, mixed Channels 48")]
    [DataRow("llama/fused-static", 2, "Neurons 112, Neurons 112, Heads 2, Heads 2, mixed Channels 48")]
    [DataRow("dit/static", 4, "Neurons 192, Neurons 192, Neurons 48, Neurons 48, HeadSize 48/4, HeadSize 48/4, Heads 4, Heads 4, mixed Channels 48")]
    [DataRow("swin/static", 3, "Neurons 192, Neurons 96, Neurons 96, HeadSize 48/6, HeadSize 24/3, HeadSize 24/3, Heads 6, Heads 3, Heads 3, mixed Channels 48, mixed Channels 24")]
    [DataRow("convnext/static", 0, "Neurons 96, Neurons 96, Neurons 64, Neurons 64, mixed Channels 24, mixed Channels 16")]
    [DataRow("resnext/static", 0, "Channels 64, Channels 32, Channels 16, Channels 16/4, Channels 16/4, Channels 16/4, Channels 16/4, Channels 32/4, Channels 32/4, Channels 32/4, Channels 32/4")]
    [DataRow("shufflenet-v1/static", 0, "Channels 48/6, Channels 6/2, Channels 6/2, Channels 6/2")]
    public void Architecture_has_all_its_structures(string name, int heads, string expected)
    {
        var dependencies = Analyze(name);

        CollectionAssert.AreEquivalent(expected.Split(", "), StructureBench.GroupsOf(dependencies).Select(Describe).ToArray());
        Assert.IsTrue(dependencies.Heads.All(group => group.Length == heads || name.StartsWith("swin", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Residual_stream_of_a_transformer_is_all_that_adds_to_it()
    {
        var stream = Analyze("llama-tied/static").Groups.Single(group => group.IsMixed);
        var layers = Compression.Layers.Find(stream.Members[0].Weight.Graph!).ToDictionary(layer => layer.Weight, layer => layer.Name);

        // Embedding, which is the last layer too; two additions of each layer; all that reads them; norms.
        var names = stream.Members.Select(member => layers.GetValueOrDefault(member.Weight, member.Weight.Name)[(layers.GetValueOrDefault(member.Weight, member.Weight.Name).LastIndexOf('.') + 1)..]).ToArray();
        Assert.AreEqual(2, names.Count(name => name == "down_proj"));
        Assert.AreEqual(2, names.Count(name => name == "o_proj"));
        Assert.AreEqual(2 * 5, names.Count(name => name is "q_proj" or "k_proj" or "v_proj" or "gate_proj" or "up_proj"));
        Assert.AreEqual(1, names.Count(name => name == "embed_tokens"));
        Assert.AreEqual(48, stream.Members.Single(member => layers.GetValueOrDefault(member.Weight) == "model.embed_tokens").Channels.Count(channel => channel >= 0));
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Only_what_reaches_the_output_stays(ClassicModel classic)
    {
        var dependencies = Analyze(classic.Name);
        var heads = dependencies.Heads.SelectMany(group => group.Members).Select(member => member.Weight).ToHashSet();
        var layers = Compression.Layers.Find(dependencies.Walk.Model.Graph).ToDictionary(layer => layer.Name, layer => layer.Weight);
        foreach (var channels in dependencies.Fixed)
        {
            Assert.IsTrue(
                channels.Reason.Contains("it reaches the output", StringComparison.Ordinal)
                || (channels.Reason == "they go only as parts of whole heads" && heads.Contains(layers[channels.Name]))
                || (classic.Name.StartsWith("llama-tied", StringComparison.Ordinal) && channels.Name == "model.embed_tokens"),
                $"{channels.Name}: {channels.Reason}");
        }

        Assert.IsLessThanOrEqualTo(classic.Name.Contains("llama/fused", StringComparison.Ordinal) ? 7 : 1, dependencies.Fixed.Count);
    }

    [TestMethod]
    [DynamicData(nameof(Forms))]
    public void Forms_of_an_architecture_have_the_same_structures(ClassicModel first, ClassicModel second)
    {
        // One operator of ONNX Runtime takes heads of certain sizes only.
        var keepsSize = second.Name.StartsWith("llama/fused", StringComparison.Ordinal);
        var expected = StructureBench.GroupsOf(Analyze(first.Name)).Where(group => !keepsSize || group.Kind != GroupKind.HeadSize);

        CollectionAssert.AreEquivalent(expected.Select(Describe).ToArray(), StructureBench.GroupsOf(Analyze(second.Name)).Select(Describe).ToArray());
    }

    private static DependencyGraph Analyze(string name) => new StructureBench(ClassicModels.Get(name).Build()).Analyze().Dependencies;

    private static string Describe(PrunableGroup group) =>
        $"{(group.IsMixed ? "mixed " : "")}{group.Kind} {group.Length}{(group.BlockCount > 1 ? $"/{group.BlockCount}" : "")}";

    private static string NamesOf(PrunableGroup group, MemberRole role) =>
        Sorted(string.Join(' ', group.Members.Where(member => member.Role == role).Select(member => $"{member.Weight.Name.Replace(".weight", "", StringComparison.Ordinal)}:{member.Axis}")));

    private static string Sorted(string words) => string.Join(' ', words.Split(' ').Order(StringComparer.Ordinal));
}
