using System.Globalization;
using System.Text.RegularExpressions;
using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>One setting of an operator whose gradient is checked.</summary>
/// <param name="Operator">E.g. <c>Conv</c> or <c>com.microsoft:Gelu</c>.</param>
/// <param name="Inputs">
/// Inputs separated by blanks, each a letter with the shape and, after a colon, the range of the numbers or, after an equals sign,
/// the numbers themselves: x is differentiated by; c is a float input and k a float constant that are not; i an int64 constant,
/// I and J int64 and int32 inputs, b a bool input. <c>@0</c> is the same value as input 0, and - one left out.
/// </param>
/// <param name="Attributes"><c>name=value</c> separated by blanks: <c>[1,2]</c> int list, <c>{1,2}</c> float list, <c>1</c> int, <c>1.0</c> float, else a string.</param>
/// <param name="Opset">Version of the standard operators.</param>
/// <param name="Outputs">Which outputs the node has, e.g. <c>1</c> or <c>1,0,1</c> where the second is left out.</param>
/// <param name="HasKernel">Whether the operator itself runs on the CPU; otherwise its gradient alone does.</param>
internal sealed partial record OperatorCase(string Operator, string Inputs, string Attributes = "", int Opset = 17, string Outputs = "1", bool HasKernel = true)
{
    public string OpType => Operator[(Operator.IndexOf(':', StringComparison.Ordinal) + 1)..];

    public string Domain => Operator.Contains(':', StringComparison.Ordinal) ? Operator[..Operator.IndexOf(':', StringComparison.Ordinal)] : "";

    public override string ToString() => $"{Operator} ({Inputs}) {Attributes} opset {Opset}";

    /// <summary>A case for each of some operators.</summary>
    public static IEnumerable<OperatorCase> Each(string operators, string inputs, string attributes = "", int opset = 17) =>
        operators.Split(' ').Select(name => new OperatorCase(name, inputs, attributes, opset));

    public IEnumerable<Attribute> ToAttributes() => Attributes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ToAttribute);

    /// <summary>
    /// The inputs, with numbers. All those without a range together are a shuffled grid over -2..2 that avoids whole, half and quarter
    /// numbers, so that no two are equal or near a kink; each with a range is such a grid of its own.
    /// </summary>
    public CaseInput[] ToInputs()
    {
        var random = new Random(12345);
        var inputs = Inputs.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => (Text: text, Match: Pattern().Match(text))).ToArray();
        if (inputs.FirstOrDefault(input => !input.Match.Success) is { Text: not null } wrong)
        {
            throw new FormatException($"'{wrong.Text}' is no input.");
        }

        var shared = new Queue<double>(Grid(inputs.Where(input => IsShared(input.Match)).Sum(input => Count(Dims(input.Match))), -2, 2, random));
        return [.. inputs.Select(input => ToInput(input.Match, shared, random))];
    }

    private static CaseInput ToInput(Match match, Queue<double> shared, Random random)
    {
        var kind = match.Groups["kind"].Value[0];
        if (kind is '-' or '@')
        {
            return new CaseInput(kind, Nd.Zeros(), kind == '@' ? int.Parse(match.Groups["same"].Value, CultureInfo.InvariantCulture) : -1);
        }

        double[] numbers;
        var dims = Dims(match);
        if (match.Groups["numbers"].Success)
        {
            numbers = [.. Numbers(match)];
        }
        else if (match.Groups["low"].Success)
        {
            numbers = Grid(Count(dims), Double(match.Groups["low"].Value), Double(match.Groups["high"].Value), random);
        }
        else
        {
            numbers = [.. Enumerable.Range(0, Count(dims)).Select(_ => shared.Dequeue())];
        }

        return numbers.Length == Count(dims) ? new CaseInput(kind, new Nd(numbers, dims), -1) : throw new FormatException($"'{match.Value}' has {numbers.Length} numbers.");
    }

    private static bool IsShared(Match match) => match.Groups["kind"].Value[0] is not ('-' or '@') && !match.Groups["numbers"].Success && !match.Groups["low"].Success;

    private static double[] Grid(int count, double low, double high, Random random)
    {
        var result = Enumerable.Range(0, count).Select(number => low + ((number + 0.3) * (high - low) / count)).ToArray();
        random.Shuffle(result);
        return result;
    }

    private static int[] Dims(Match match) =>
        match.Groups["dims"].Success ? [.. match.Groups["dims"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(dim => int.Parse(dim, CultureInfo.InvariantCulture))]
        : [Numbers(match).Count()];

    private static IEnumerable<double> Numbers(Match match) => match.Groups["numbers"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Double);

    private static double Double(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static int Count(int[] dims) => dims.Aggregate(1, (count, dim) => count * dim);

    private static Attribute ToAttribute(string text)
    {
        var (name, value) = (text[..text.IndexOf('=', StringComparison.Ordinal)], text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        return value[0] == '[' ? Attribute.Ints(name, [.. value[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(number => long.Parse(number, CultureInfo.InvariantCulture))])
            : value[0] == '{' ? new Attribute(name, AttributeKind.Floats, value[1..^1].Split(',').Select(number => float.Parse(number, CultureInfo.InvariantCulture)).ToArray())
            : long.TryParse(value, CultureInfo.InvariantCulture, out var integer) ? Attribute.Int(name, integer)
            : float.TryParse(value, CultureInfo.InvariantCulture, out var number) ? Attribute.Float(name, number)
            : Attribute.String(name, value);
    }

    [GeneratedRegex(@"^(?<kind>[xckiIJb]|-|@(?<same>\d+))(\[(?<dims>[\d,]*)\])?(:(?<low>[-\d.]+)\.\.(?<high>[-\d.]+)|=(?<numbers>[-\d.,e]*))?$")]
    private static partial Regex Pattern();
}

/// <summary>An input of a case.</summary>
/// <param name="Kind">Its letter.</param>
/// <param name="Array">Its numbers.</param>
/// <param name="Same">The input that it is the same value as; -1 for a value of its own.</param>
internal sealed record CaseInput(char Kind, Nd Array, int Same)
{
    public bool IsFloat => Kind is 'x' or 'c' or 'k';

    public bool IsConstant => Kind is 'k' or 'i';

    public DataType Type(DataType real) => Kind switch
    {
        'b' => DataType.Bool,
        'J' => DataType.Int32,
        'i' or 'I' => DataType.Int64,
        _ => real,
    };
}
