using System.Globalization;

namespace CompressTool.Onnx;

/// <summary>
/// The lengths that a model was made for of dimensions that it leaves open, such as the height of its images, kept in its metadata:
/// what is measured without other numbers is measured for these.
/// </summary>
public static class UsualDims
{
    private const string Key = "compresstool.usual-dims";

    /// <summary>The lengths by symbol; empty when the model says nothing.</summary>
    public static IReadOnlyDictionary<string, long> Of(Model model)
    {
        var lengths = new Dictionary<string, long>();
        foreach (var entry in model.Metadata.Where(entry => entry.Key == Key).SelectMany(entry => entry.Value.Split(',')))
        {
            if (entry.Split('=') is [var symbol, var text] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length > 0 && IsOpen(model, symbol))
            {
                lengths[symbol] = length;
            }
        }

        return lengths;
    }

    /// <summary>Puts lengths into a model's metadata, in place of those there.</summary>
    public static void Write(Model model, IEnumerable<KeyValuePair<string, long>> lengths)
    {
        model.Metadata.RemoveAll(entry => entry.Key == Key);
        var text = string.Join(',', lengths.Where(pair => IsOpen(model, pair.Key)).Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key}={pair.Value}")));
        if (text.Length > 0)
        {
            model.Metadata.Add(new(Key, text));
        }
    }

    private static bool IsOpen(Model model, string symbol) =>
        model.Graph.Inputs.Any(input => input.Shape is { } shape && shape.Any(dim => dim.Symbol == symbol));
}
