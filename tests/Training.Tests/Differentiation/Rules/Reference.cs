using CompressTool.Training.Tests.Differentiation.Rules.References;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>What a reference implementation of an operator sees of a case. They follow the operator's specification in plain loops.</summary>
internal sealed class Reference(OperatorCase setting, CaseInput[] inputs)
{
    private static readonly Dictionary<string, Func<Reference, double[][]>> s_all = Collect(Activations.All, Convolutions.All, Normalizations.All, Resizes.All,
        Poolings.All, Attentions.All, Recurrents.All, Fusions.All, Indexings.All, Samplings.All, Quantizations.All);

    private readonly Attribute[] _attributes = [.. setting.ToAttributes()];

    public OperatorCase Setting => setting;

    public int InputCount => inputs.Length;

    /// <summary>An input that must be there.</summary>
    public Nd this[int index] => Optional(index) ?? throw new InvalidOperationException($"Input {index} is left out.");

    /// <summary>The reference implementation of an operator; null where there is none.</summary>
    public static Func<Reference, double[][]>? Find(string name) => s_all.GetValueOrDefault(name);

    public Nd? Optional(int index) => index >= inputs.Length || inputs[index].Kind == '-' ? null
        : inputs[index].Same >= 0 ? inputs[inputs[index].Same].Array : inputs[index].Array;

    public bool IsBool(int index) => index < inputs.Length && inputs[index].Kind == 'b';

    public bool Has(string name) => _attributes.Any(attribute => attribute.Name == name);

    public int Int(string name, int defaultValue) => (int)(Find<long?>(name) ?? defaultValue);

    public double Float(string name, float defaultValue) => Find<float?>(name) ?? defaultValue;

    public string Text(string name, string defaultValue) =>
        Find<ReadOnlyMemory<byte>?>(name) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes.Span) : defaultValue;

    public int[]? Ints(string name) => Find<IReadOnlyList<long>>(name) is { } numbers ? [.. numbers.Select(number => (int)number)] : null;

    public float[] Floats(string name) => Find<IReadOnlyList<float>>(name) is { } numbers ? [.. numbers] : [];

    private T? Find<T>(string name) => _attributes.FirstOrDefault(attribute => attribute.Name == name) is { } attribute ? (T?)attribute.Value : default;

    private static Dictionary<string, Func<Reference, double[][]>> Collect(params ReadOnlySpan<Dictionary<string, Func<Reference, double[][]>>> families)
    {
        var result = new Dictionary<string, Func<Reference, double[][]>>();
        foreach (var (name, function) in families.ToArray().SelectMany(family => family))
        {
            result.Add(name, function);
        }

        return result;
    }
}
