namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Recurrent layers, one number at a time.</summary>
internal static class Recurrents
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["RNN"] = r => Run(r, Plain),
        ["GRU"] = r => Run(r, Gated),
        ["LSTM"] = r => Run(r, LongShortTerm),
    };

    private delegate (double[] Hidden, double[] Cell) Step(Reference r, int direction, double[] input, double[] hidden, double[] cell);

    private static double[][] Run(Reference r, Step step)
    {
        var isBatchFirst = r.Int("layout", 0) == 1;
        var (steps, batch) = isBatchFirst ? (r[0].Dims[1], r[0].Dims[0]) : (r[0].Dims[0], r[0].Dims[1]);
        var (directions, hidden) = (r[1].Dims[0], r[2].Dims[2]);
        var all = Nd.Zeros(isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]);
        var last = Nd.Zeros(isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]);
        var lastCell = Nd.Zeros(last.Dims);
        int[] At(int direction, int sample, int unit) => isBatchFirst ? [sample, direction, unit] : [direction, sample, unit];
        foreach (var index in Nd.Indices(directions, batch))
        {
            var (direction, sample) = (index[0], index[1]);
            double[] First(int input) => [.. Enumerable.Range(0, hidden).Select(unit => r.Optional(input)?[At(direction, sample, unit)] ?? 0)];
            var (state, cell) = (First(5), First(6));
            for (var number = 0; number < steps; number++)
            {
                var time = direction == 1 || r.Text("direction", "forward") == "reverse" ? steps - 1 - number : number;
                double[] input = [.. Enumerable.Range(0, r[0].Dims[2]).Select(feature => isBatchFirst ? r[0][sample, time, feature] : r[0][time, sample, feature])];
                (state, cell) = step(r, direction, input, state, cell);
                for (var unit = 0; unit < hidden; unit++)
                {
                    all[isBatchFirst ? [sample, time, direction, unit] : [time, direction, sample, unit]] = state[unit];
                }
            }

            for (var unit = 0; unit < hidden; unit++)
            {
                (last[At(direction, sample, unit)], lastCell[At(direction, sample, unit)]) = (state[unit], cell[unit]);
            }
        }

        return [.. new[] { all, last, lastCell }.Zip(r.Setting.Outputs.Split(',')).Where(pair => pair.Second == "1").Select(pair => pair.First.Data)];
    }

    /// <summary>A row of the weights times the input, with its bias.</summary>
    private static double Input(Reference r, int direction, int row, double[] input) =>
        input.Select((x, column) => x * r[1][direction, row, column]).Sum() + (r.Optional(3)?[direction, row] ?? 0);

    /// <summary>A row of the recurrent weights times the state, with its bias.</summary>
    private static double State(Reference r, int direction, int row, double[] state) =>
        state.Select((x, column) => x * r[2][direction, row, column]).Sum() + (r.Optional(3)?[direction, r[1].Dims[1] + row] ?? 0);

    private static (double[] Hidden, double[] Cell) Plain(Reference r, int direction, double[] input, double[] hidden, double[] cell) =>
        ([.. hidden.Select((_, unit) => Math.Tanh(Input(r, direction, unit, input) + State(r, direction, unit, hidden)))], cell);

    private static (double[] Hidden, double[] Cell) Gated(Reference r, int direction, double[] input, double[] hidden, double[] cell)
    {
        var size = hidden.Length;
        double Gate(int gate, int unit) => Sigmoid(Input(r, direction, (gate * size) + unit, input) + State(r, direction, (gate * size) + unit, hidden));
        double[] forgetful = [.. hidden.Select((x, unit) => x * Gate(1, unit))];
        double Proposed(int unit)
        {
            var row = (2 * size) + unit;
            return Math.Tanh(Input(r, direction, row, input)
                + (r.Int("linear_before_reset", 0) == 1 ? Gate(1, unit) * State(r, direction, row, hidden) : State(r, direction, row, forgetful)));
        }

        return ([.. hidden.Select((x, unit) => ((1 - Gate(0, unit)) * Proposed(unit)) + (Gate(0, unit) * x))], cell);
    }

    private static (double[] Hidden, double[] Cell) LongShortTerm(Reference r, int direction, double[] input, double[] hidden, double[] cell)
    {
        var size = hidden.Length;
        double Sum(int gate, int unit) => Input(r, direction, (gate * size) + unit, input) + State(r, direction, (gate * size) + unit, hidden);
        double Peephole(int gate, int unit) => r.Optional(7)?[direction, (gate * size) + unit] ?? 0;
        double[] next = [.. cell.Select((x, unit) =>
            (Sigmoid(Sum(2, unit) + (Peephole(2, unit) * x)) * x) + (Sigmoid(Sum(0, unit) + (Peephole(0, unit) * x)) * Math.Tanh(Sum(3, unit))))];
        return ([.. next.Select((x, unit) => Sigmoid(Sum(1, unit) + (Peephole(1, unit) * x)) * Math.Tanh(x))], next);
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
