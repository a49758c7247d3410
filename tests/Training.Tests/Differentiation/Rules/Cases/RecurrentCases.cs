namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class RecurrentCases
{
    public static readonly OperatorCase[] All =
    [
        new("RNN", "x[3,2,2] x[1,3,2] x[1,3,3] x[1,6]", "hidden_size=3"),
        new("RNN", "x[2,1,3] x[1,2,3] x[1,2,2] - - x[1,1,2]", "hidden_size=2 direction=reverse", Outputs: "1,1"),
        new("RNN", "x[3,2,2] x[2,2,2] x[2,2,2] x[2,4]", "hidden_size=2 direction=bidirectional", Outputs: "1,1"),
        new("GRU", "x[3,2,2] x[1,6,2] x[1,6,2] x[1,12]", "hidden_size=2"),
        new("GRU", "x[3,2,3] x[1,6,3] x[1,6,2] x[1,12] - x[1,2,2]", "hidden_size=2 linear_before_reset=1", Outputs: "1,1"),
        new("GRU", "x[2,1,2] x[2,9,2] x[2,9,3] x[2,18] - x[2,1,3]", "hidden_size=3 direction=bidirectional", Outputs: "0,1"),
        new("GRU", "x[2,3,2] x[1,6,2] x[1,6,2]", "hidden_size=2 layout=1", Outputs: "1,1", HasKernel: false),
        new("LSTM", "x[3,2,2] x[1,8,2] x[1,8,2] x[1,16]", "hidden_size=2"),
        new("LSTM", "x[3,1,3] x[1,8,3] x[1,8,2] x[1,16] - x[1,1,2] x[1,1,2] x[1,6]", "hidden_size=2 direction=reverse", Outputs: "1,1,1"),
        new("LSTM", "x[2,2,2] x[2,8,2] x[2,8,2] x[2,16]", "hidden_size=2 direction=bidirectional", Outputs: "1,1,1"),
        new("LSTM", "x[2,3,2] x[1,4,2] x[1,4,1] - - x[2,1,1] x[2,1,1]", "hidden_size=1 layout=1", Outputs: "1,1,1", HasKernel: false),
    ];
}
