using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace CompressTool.Recipes.Language.Yaml;

/// <summary>What a plain scalar means: the core schema of YAML 1.2, plus underscores in whole numbers (<c>20_000</c>).</summary>
internal static partial class YamlCore
{
    /// <summary>True when the scalar is text: quoted, or plain and nothing else.</summary>
    public static bool IsText(YamlScalar scalar) =>
        !scalar.IsPlain || !(scalar.IsNull || TryBoolean(scalar, out _) || NumberPattern().IsMatch(scalar.Text) || scalar.Text.ToLowerInvariant() is ".inf" or "-.inf" or "+.inf" or ".nan");

    /// <summary>Reads <c>true</c> or <c>false</c>; yes, no, on and off are text.</summary>
    public static bool TryBoolean(YamlScalar scalar, out bool value)
    {
        value = scalar.Text is "true" or "True" or "TRUE";
        return scalar.IsPlain && (value || scalar.Text is "false" or "False" or "FALSE");
    }

    /// <summary>Reads a whole number of any size: decimal, 0o octal or 0x hexadecimal.</summary>
    public static bool TryInteger(YamlScalar scalar, out BigInteger value)
    {
        value = default;
        var text = scalar.Text;
        if (!scalar.IsPlain || text.Length > 100)
        {
            return false;
        }

        if (OctalPattern().IsMatch(text))
        {
            value = text[2..].Aggregate(BigInteger.Zero, (sum, digit) => (sum * 8) + (digit - '0'));
            return true;
        }

        if (HexPattern().IsMatch(text))
        {
            // The leading zero keeps the number positive.
            value = BigInteger.Parse("0" + text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            return true;
        }

        return IntegerPattern().IsMatch(text)
            && BigInteger.TryParse(text.Replace("_", ""), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Reads a finite number, whole or not.</summary>
    public static bool TryNumber(YamlScalar scalar, out double value)
    {
        if (TryInteger(scalar, out var integer))
        {
            value = (double)integer;
            return true;
        }

        value = 0;
        return scalar.IsPlain && NumberPattern().IsMatch(scalar.Text)
            && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }

    [GeneratedRegex(@"\A[-+]?[0-9]+(_[0-9]+)*\z")]
    private static partial Regex IntegerPattern();

    [GeneratedRegex(@"\A0o[0-7]+\z")]
    private static partial Regex OctalPattern();

    [GeneratedRegex(@"\A0x[0-9a-fA-F]+\z")]
    private static partial Regex HexPattern();

    [GeneratedRegex(@"\A([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+)\z")]
    private static partial Regex NumberPattern();
}
