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
            var free = Array.ConvertAll(Array.FindAll(maker.Slots, IsFree), _slots.Find);
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
        var places = new ChannelPlaces(_slots.Count);
        var lists = new List<List<int>>();
        var numbers = new Dictionary<int, int>();
        foreach (var root in roots)
        {
            if (numbers.TryAdd(groups.Find(root), lists.Count))
            {
                lists.Add([]);
            }
        }

        foreach (var slot in makers.SelectMany(maker => maker.Slots).Where(IsFree))
        {
            if (places.Of(slot).Group < 0)
            {
                var group = numbers[groups.Find(_slots.Find(slot))];
                foreach (var same in _decisions.SlotsOf(slot))
                {
                    places.TryAdd(same, group, lists[group].Count);
                }

                lists[group].Add(_slots.Find(slot));
            }
        }

        int[] lengths = [.. lists.Select(list => list.Count)];
        var members = MembersOf(lists.Count, places);
        var (blocks, multiples) = _limits.Of(lengths, places);
        var parts = _limits.PartsOf(lengths, places);
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
                Slots = [.. lists[group].Select(_decisions.SlotsOf)],
            });
        }
    }

    private bool IsFree(int slot) => _slots.ReasonOf(slot) is null && !_decisions.IsAlone(slot);

    /// <summary>The members of each group, the first layer that makes its channels first.</summary>
    private List<GroupMember>[] MembersOf(int count, ChannelPlaces places)
    {
        var result = Enumerable.Range(0, count).Select(_ => new List<GroupMember>()).ToArray();
        var found = new List<(int Group, int[] Channels)>();
        foreach (var (weight, axis, slots, role, _) in _axes.OrderBy(axis => axis.Role == SlotRole.Output ? _order.GetValueOrDefault(axis.Node!, int.MaxValue) : int.MaxValue))
        {
            found.Clear();
            for (var index = 0; index < slots.Length; index++)
            {
                var (group, channel) = places.Of(slots[index]);
                if (group >= 0)
                {
                    ChannelsOf(group, slots.Length)[index] = channel;
                }
            }

            foreach (var (group, channels) in found)
            {
                result[group].Add(new GroupMember(weight, axis, channels, role switch
                {
                    SlotRole.Output => MemberRole.Output,
                    SlotRole.Input => MemberRole.Input,
                    SlotRole.Normalization => MemberRole.Normalization,
                    _ => DecomposedNormalization.IsScaleOrShift(weight) ? MemberRole.Normalization : MemberRole.Other,
                }));
            }
        }

        return result;

        int[] ChannelsOf(int group, int length)
        {
            // Neighbours are mostly of one group.
            var place = found.FindLastIndex(entry => entry.Group == group);
            if (place < 0)
            {
                place = found.Count;
                found.Add((group, new int[length]));
                Array.Fill(found[place].Channels, -1);
            }

            return found[place].Channels;
        }
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
        var same = _walk.Coupling.Slots;
        var waiting = new List<int[][]>();
        foreach (var units in _decisions.HeadUnits.GroupBy(unit => string.Join(',', unit.Select(slice => slice.Grid.Id).Order())))
        {
            var heads = units.OrderBy(unit => unit[0].Index).ToArray();
            var slots = heads.Select(head => head.SelectMany(slice => slice.Slots).Select(same.Find).Distinct().SelectMany(slot => _decisions.SameAs(slot)).ToArray()).ToArray();
            if (heads.Length > 1 && slots.Sum(head => head.Length) == slots.SelectMany(head => head).Distinct().Count()
                && !slots.SelectMany(head => head).Any(slot => same.ReasonOf(slot) is not null)
                && !Array.Exists(heads, head => _walk.Coupling.Units.ReasonOf(head[0].Grid.UnitsOf(head[0].Dim)![head[0].Index]) is not null))
            {
                waiting.Add(slots);
            }
        }

        // All at once, unless a slot is in heads of two groups.
        while (waiting.Count > 0)
        {
            var places = new ChannelPlaces(same.Count);
            var now = waiting.Where(slots => !slots.SelectMany(head => head).Any(slot => places.Of(slot).Group >= 0) && Place(slots)).ToList();
            var members = MembersOf(waiting.Count, places);
            foreach (var slots in now.Where(slots => members[waiting.IndexOf(slots)].Count > 0))
            {
                AddHeads(slots, members[waiting.IndexOf(slots)]);
            }

            waiting.RemoveAll(now.Contains);

            bool Place(int[][] slots) => slots.Index().All(head => Array.TrueForAll(head.Item, slot => places.TryAdd(slot, waiting.IndexOf(slots), head.Index)));
        }

        Heads.Sort((a, b) => Position(a).CompareTo(Position(b)));

        int Position(PrunableGroup group) => group.Members[0].Weight.Uses.Select(use => _order.GetValueOrDefault(use.Node, int.MaxValue)).DefaultIfEmpty(int.MaxValue).Min();
    }

    private void AddHeads(int[][] slots, List<GroupMember> members) => Heads.Add(new PrunableGroup
    {
        Name = NameOf(members[0].Weight),
        Kind = GroupKind.Heads,
        Length = slots.Length,
        Members = members,
        Blocks = new int[slots.Length],
        Multiple = 1,
        IsMixed = slots.SelectMany(head => head).Any(_walk.Coupling.Slots.IsMixed),
        Slots = [.. slots.Select(head => new ArraySegment<int>(head))],
    });

    private string NameOf(Value weight) => _names.GetValueOrDefault(weight, weight.Name);
}
