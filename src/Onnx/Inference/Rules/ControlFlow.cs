namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators with subgraphs.</summary>
internal static class ControlFlow
{
    /// <summary>How often a loop body is looked at while its state changes shape; then the rest counts as unknown.</summary>
    private const int MaxRounds = 4;

    public static void If(NodeContext c)
    {
        var branches = new[] { c.Subgraph("then_branch"), c.Subgraph("else_branch") }.OfType<Graph>().ToArray();
        foreach (var branch in branches)
        {
            c.Graph.Run(branch, []);
        }

        // A known condition leaves one branch.
        if (branches.Length == 2 && c.Numbers(0) is [var condition])
        {
            branches = [branches[condition != 0 ? 0 : 1]];
        }

        for (var output = 0; output < c.OutputCount; output++)
        {
            Fact? result = null;
            foreach (var branch in branches)
            {
                var fact = output < branch.Outputs.Count ? c.Graph.Fact(branch.Outputs[output]) : Fact.Unknown;
                result = result is null ? fact : Either(c, output, result, fact);
            }

            c.SetFact(output, result ?? Fact.Unknown);
        }
    }

    /// <summary>Inputs: most rounds, condition, state. The body takes round, condition, state and gives condition, state, rows to collect.</summary>
    public static void Loop(NodeContext c)
    {
        if (c.Subgraph("body") is not { } body)
        {
            return;
        }

        var states = c.InputCount - 2;
        Fact[] first = [new(DataType.Int64, []), new(DataType.Bool, [])];
        var final = Iterate(c, body, [.. Enumerable.Range(2, Math.Max(0, states)).Select(c.Fact)], state => [.. first, .. state], 1);
        for (var output = 0; output < c.OutputCount; output++)
        {
            if (output < states)
            {
                c.SetFact(output, output < final.Length ? final[output] : Fact.Unknown);
            }
            else if (output + 1 < body.Outputs.Count)
            {
                var row = c.Graph.Fact(body.Outputs[output + 1]);
                c.Set(output, row.Type, row.Dims is null ? null : [c.Opaque(output, 0), .. row.Dims]);
            }
        }
    }

    /// <summary>Inputs: state, then sequences. The body takes state and one element of each sequence and gives state and rows to collect.</summary>
    public static void Scan(NodeContext c)
    {
        if (c.Subgraph("body") is not { } body || c.Opset < 9)
        {
            return;
        }

        var sequences = (int)c.Int("num_scan_inputs", 0);
        var states = c.InputCount - sequences;
        if (states < 0)
        {
            throw c.Mismatch($"it has {c.InputCount} inputs, but should scan {sequences}");
        }

        Expression? length = null;
        var elements = new Fact[sequences];
        for (var index = 0; index < sequences; index++)
        {
            var fact = c.Fact(states + index);
            if (c.DimsFrom(states + index, 1) is { } dims)
            {
                var axis = c.Axis(At(c, "scan_input_axes", index), dims.Length);
                length = length is null ? dims[axis] : c.Same(length, dims[axis], () => "the sequences it scans have different lengths");
                dims = [.. dims[..axis], .. dims[(axis + 1)..]];
                elements[index] = new Fact(fact.Type, dims);
            }
            else
            {
                elements[index] = new Fact(fact.Type, null);
            }
        }

        var final = Iterate(c, body, [.. Enumerable.Range(0, states).Select(c.Fact)], state => [.. state, .. elements], 0);
        for (var output = 0; output < c.OutputCount; output++)
        {
            if (output < states)
            {
                c.SetFact(output, output < final.Length ? final[output] : Fact.Unknown);
            }
            else if (output < body.Outputs.Count)
            {
                var row = c.Graph.Fact(body.Outputs[output]);
                var axis = row.Dims is null ? 0 : c.Axis(At(c, "scan_output_axes", output - states), row.Dims.Length + 1);
                c.Set(output, row.Type, row.Dims is null ? null : [.. row.Dims[..axis], length ?? c.Opaque(output, axis), .. row.Dims[axis..]]);
            }
        }
    }

    /// <summary>Looks at a body until the facts about its state hold before and after it; what changes becomes unknown.</summary>
    private static Fact[] Iterate(NodeContext c, Graph body, Fact[] state, Func<Fact[], Fact[]> inputs, int firstOutput)
    {
        state = [.. state.Select(fact => new Fact(fact.Type, fact.Dims))];
        for (var round = 0; ; round++)
        {
            c.Graph.Run(body, inputs(state));
            var changed = false;
            for (var index = 0; index < state.Length && index + firstOutput < body.Outputs.Count; index++)
            {
                var before = state[index];
                var after = c.Graph.Fact(body.Outputs[index + firstOutput]);
                var either = round < MaxRounds ? Either(c, index, before, after) : new Fact(before.Type, null);
                if (either.Type != before.Type || (either.Dims is null) != (before.Dims is null) || (either.Dims is not null && !either.Dims.SequenceEqual(before.Dims!)))
                {
                    state[index] = either;
                    changed = true;
                }
            }

            if (!changed || round > MaxRounds)
            {
                return state;
            }
        }
    }

    /// <summary>What holds whichever of two facts is true.</summary>
    private static Fact Either(NodeContext c, int output, Fact one, Fact other)
    {
        var type = one.Type == other.Type || other.Type == DataType.Undefined ? one.Type : one.Type == DataType.Undefined ? other.Type
            : throw c.Mismatch($"its output {output} is once {one.Type.DisplayName()} and once {other.Type.DisplayName()}");
        if (one.Dims is null || other.Dims is null || one.Dims.Length != other.Dims.Length)
        {
            return new Fact(type, null);
        }

        return new Fact(type, [.. one.Dims.Select((dim, axis) => dim.Equals(other.Dims[axis]) || dim.SingleAtom is { Kind: AtomKind.Opaque } ? dim : c.Opaque(output, axis))]);
    }

    private static long At(NodeContext c, string attribute, int index) => c.Ints(attribute) is { } values && index < values.Length ? values[index] : 0;
}
