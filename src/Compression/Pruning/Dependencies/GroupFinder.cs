using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Gathers decisions into groups: channels that some layer makes are chosen among each other, and with them those of all layers that
/// make the same channels.
/// </summary>
internal sealed class GroupFinder
{
    private readonly DependencyWalk _walk;
    private readonly Decisions _decisions;
    private readonly UnionFind _slots;
    private readonly GroupLimits _limits;
    private readonly Dictionary<Value, string> _names;
    private readonly IReadOnlyDictionary<Node, int> _order;
    private readonly List<(Value Weight, int Axis, int[] Slots, SlotRole Role, Node? Node)> _axes = [];
    private readonly List<Value> _others = [];

    public GroupFinder(DependencyWalk walk)
    {
        (_walk, _decisions) = (walk, new Decisions(walk));
        _slots = _decisions.Slots;
        _names = Layers.Find(walk.Model.Graph).ToDictionary(layer => layer.Weight, layer => layer.Name);
        _order = BackwardOrder.Of(walk.Model.Graph);
        foreach (var constant in walk.Constants)
        {
            foreach (var (axis, factors) in walk.LayoutOf(constant).Axes.Index())
            {
                if (factors is [{ Grid.Rank: 1 } factor])
                {
                    _axes.Add((constant, axis, factor.Grid.Slots, walk.RoleOf(factor.Grid.Slots, out var node), node));
                }
            }
        }

        _limits = new GroupLimits(walk, _decisions, IsFree);
        _limits.FreezeUneven();
        FindGroups();
        FindHeads();
    }

    /// <summary>Groups of channels.</summary>
    public List<PrunableGroup> Groups { get; } = [];

    /// <summary>Groups of heads.</summary>
    public List<PrunableGroup> Heads { get; } = [];

    /// <summary>Output channels that stay.</summary>
    public List<FixedChannels> Fixed { get; } = [];

    private void FindGroups()
    {
        // Decisions that one layer makes are of one group.
        var groups = new UnionFind();
        groups.Create(_slots.Count);
        var makers = _axes.Where(axis => axis.Role == SlotRole.Output).OrderBy(axis => _order.GetValueOrDefault(axis.Node!, int.MaxValue)).ToArray();
        var roots = new List<int>();
        foreach (var maker in makers)
        {
            var free = maker.Slots.Select(_slots.Find).Where(IsFree).ToArray();
            if (free.Length == 0)
            {
                Fixed.Add(new FixedChannels(NameOf(maker.Weight), maker.Slots.Length, _slots.ReasonOf(maker.Slots[0]) ?? "they go only as parts of whole heads"));
                continue;
            }

            roots.Add(free[0]);
            Array.ForEach(free, slot => groups.Join(free[0], slot));
        }

        _limits.Join(groups);

        // Channels in the order of the layers that make them, and in these as they lie.
        var channels = new Dictionary<int, (int Group, int Channel)>();
        var lists = new List<List<int>>();
        var numbers = new Dictionary<int, int>();
        foreach (var root in roots)
        {
            if (numbers.TryAdd(groups.Find(root), lists.Count))
            {
                lists.Add([]);
            }
        }

        foreach (var slot in makers.SelectMany(maker => maker.Slots).Select(_slots.Find).Where(IsFree))
        {
            var group = numbers[groups.Find(slot)];
            if (channels.TryAdd(slot, (group, lists[group].Count)))
            {
                lists[group].Add(slot);
            }
        }

        Func<int, (int Group, int Channel)> placeOf = slot => channels.TryGetValue(_slots.Find(slot), out var place) ? place : (-1, -1);
        int[] lengths = [.. lists.Select(list => list.Count)];
        var members = MembersOf(lists.Count, placeOf);
        var (blocks, multiples) = _limits.Of(lengths, placeOf);
        var parts = _limits.PartsOf(lengths, placeOf);
        for (var group = 0; group < lists.Count; group++)
        {
            var all = members[group];
            Groups.Add(new PrunableGroup
            {
                Name = NameOf(all[0].Weight),
                Kind = KindOf(lists[group], all),
                Length = lists[group].Count,
                Members = all,
                Blocks = blocks[group],
                Multiple = multiples[group],
                Parts = parts[group],
                IsMixed = lists[group].Exists(_slots.IsMixed),
                Slots = [.. lists[group].Select(slot => _decisions.SlotsOf(slot).ToArray())],
            });
        }
    }

    private bool IsFree(int slot) => _slots.ReasonOf(slot) is null && !_decisions.Alone.Contains(_slots.Find(slot));

    /// <summary>The members of each group, the first layer that makes its channels first.</summary>
    private List<GroupMember>[] MembersOf(int count, Func<int, (int Group, int Channel)> placeOf)
    {
        var result = Enumerable.Range(0, count).Select(_ => new List<GroupMember>()).ToArray();
        foreach (var (weight, axis, slots, role, _) in _axes.OrderBy(axis => axis.Role == SlotRole.Output ? _order.GetValueOrDefault(axis.Node!, int.MaxValue) : int.MaxValue))
        {
            var found = new Dictionary<int, int[]>();
            for (var index = 0; index < slots.Length; index++)
            {
                var (group, channel) = placeOf(slots[index]);
                if (group >= 0)
                {
                    if (!found.TryGetValue(group, out var channels))
                    {
                        found.Add(group, channels = new int[slots.Length]);
                        Array.Fill(channels, -1);
                    }

                    channels[index] = channel;
                }
            }

            foreach (var (group, channels) in found)
            {
                result[group].Add(new GroupMember(weight, axis, channels, role switch
                {
                    SlotRole.Output => MemberRole.Output,
                    SlotRole.Input => MemberRole.Input,
                    SlotRole.Normalization => MemberRole.Normalization,
                    _ => IsScaleAfterNormalization(weight) ? MemberRole.Normalization : MemberRole.Other,
                }));
            }
        }

        return result;
    }

    /// <summary>Exporters write group normalisation as InstanceNormalization, Reshape, Mul and Add.</summary>
    private static bool IsScaleAfterNormalization(Value weight)
    {
        if (weight.Uses is not [{ Node: { OpType: "Mul" or "Add" } node }])
        {
            return false;
        }

        var before = node.Inputs.First(input => input != weight)?.Producer;
        before = node.Is("Add") && before?.Is("Mul") == true ? before.Inputs.FirstOrDefault(input => input?.Producer?.Is("Reshape") == true)?.Producer : before;
        return before?.Is("Reshape") == true && before.Input(0)?.Producer?.Is("InstanceNormalization") == true;
    }

    private GroupKind KindOf(List<int> slots, List<GroupMember> members)
    {
        if (_decisions.SlotsOf(slots[0]).Any(_walk.Coupling.IsAttention))
        {
            return GroupKind.HeadSize;
        }

        var products = members.Where(member => member.Role is MemberRole.Output or MemberRole.Input).ToArray();
        return !slots.Exists(_slots.IsMixed) && members.TrueForAll(member => member.Role != MemberRole.Normalization)
            && products.Any(member => member.Role == MemberRole.Input)
            && Array.TrueForAll(products, member => member.Weight.Shape is { Count: 2 } or null && !member.Weight.Uses.Any(use => use.Node.Is("Conv")))
            ? GroupKind.Neurons : GroupKind.Channels;
    }

    private void FindHeads()
    {
        // Heads that lie in the same grids are chosen among each other.
        foreach (var units in _decisions.HeadUnits.GroupBy(unit => string.Join(',', unit.Select(slice => slice.Grid.Id).Order())))
        {
            var heads = units.OrderBy(unit => unit[0].Index).ToArray();
            var same = _walk.Coupling.Slots;
            var slots = heads.Select(head => head.SelectMany(slice => slice.Slots).Select(same.Find).Distinct().SelectMany(_decisions.SameAs).ToArray()).ToArray();
            var reason = slots.SelectMany(all => all).Select(same.ReasonOf).Concat(heads.Select(head => _walk.Coupling.Units.ReasonOf(head[0].Grid.UnitsOf(head[0].Dim)![head[0].Index]))).FirstOrDefault(text => text is not null);
            var places = new Dictionary<int, int>();
            var disjoint = slots.Index().All(pair => Array.TrueForAll(pair.Item, slot => places.TryAdd(slot, pair.Index)));
            if (reason is not null || !disjoint || heads.Length < 2)
            {
                continue;
            }

            var members = MembersOf(1, slot => places.TryGetValue(slot, out var head) ? (0, head) : (-1, -1))[0];
            if (members.Count > 0)
            {
                Heads.Add(new PrunableGroup
                {
                    Name = NameOf(members[0].Weight),
                    Kind = GroupKind.Heads,
                    Length = heads.Length,
                    Members = members,
                    Blocks = new int[heads.Length],
                    Multiple = 1,
                    IsMixed = slots.SelectMany(all => all).Any(same.IsMixed),
                    Slots = slots,
                });
            }
        }

        Heads.Sort((a, b) => Position(a).CompareTo(Position(b)));

        int Position(PrunableGroup group) => group.Members[0].Weight.Uses.Select(use => _order.GetValueOrDefault(use.Node, int.MaxValue)).DefaultIfEmpty(int.MaxValue).Min();
    }

    private string NameOf(Value weight) => _names.GetValueOrDefault(weight, weight.Name);
}
