using System.Globalization;

namespace CompressTool.Compression.Options;

/// <summary>A share between 0 and 1 (more for limits), written <c>50%</c> or <c>0.5</c>.</summary>
/// <param name="Value">The share; 0.5 is half.</param>
public readonly record struct Fraction(double Value)
{
    /// <summary>Parses <c>50%</c>, <c>12.5 %</c> or <c>0.5</c>.</summary>
    public static bool TryParse(string text, out Fraction result)
    {
        var trimmed = text.Trim();
        var percent = trimmed.EndsWith('%');
        // The percentage is divided in the decimal text, so that 12.3% and 0.123 are the same number.
        var digits = percent ? trimmed[..^1].TrimEnd() : trimmed;
        var shifted = percent && !digits.Contains('e', StringComparison.OrdinalIgnoreCase);
        var ok = double.TryParse(shifted ? digits + "e-2" : digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number);
        result = new Fraction(percent && !shifted ? number / 100 : number);
        return ok;
    }

    /// <summary>The share in percent, e.g. <c>50%</c>.</summary>
    public override string ToString() => (Value * 100).ToString("0.######", CultureInfo.InvariantCulture) + "%";
}

/// <summary>A number of bytes, written <c>500 MB</c>, <c>1.5 GB</c> or <c>4096</c>. Units are powers of 1000; KiB, MiB, GiB of 1024.</summary>
/// <param name="Bytes">The number of bytes.</param>
public readonly record struct ByteSize(long Bytes)
{
    private static readonly (string Unit, long Factor)[] s_units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
    ];

    /// <summary>Parses a size with its unit.</summary>
    public static bool TryParse(string text, out ByteSize result)
    {
        result = default;
        var trimmed = text.Trim();
        foreach (var (unit, factor) in s_units)
        {
            if (trimmed.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                if (!double.TryParse(trimmed[..^unit.Length].TrimEnd(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                    || !(number >= 0) || number * factor > long.MaxValue / 2)
                {
                    return false;
                }

                result = new ByteSize((long)Math.Round(number * factor));
                return true;
            }
        }

        return false;
    }

    /// <summary>The size in the largest fitting decimal unit, e.g. <c>3.44 GB</c>.</summary>
    public override string ToString()
    {
        double value = Bytes;
        string[] names = ["B", "KB", "MB", "GB", "TB"];
        var unit = 0;
        while (value >= 1000 && unit < names.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return value.ToString(unit == 0 ? "0" : "0.##", CultureInfo.InvariantCulture) + " " + names[unit];
    }
}

/// <summary>A limit on size: a share of the input model (<c>25%</c>) or an absolute size (<c>10 MB</c>).</summary>
/// <param name="Share">The share of the input model's size; null when absolute.</param>
/// <param name="Bytes">The absolute size in bytes; null when a share.</param>
public readonly record struct SizeLimit(double? Share, long? Bytes)
{
    /// <summary>Parses a percentage or a size with unit; a bare number of at most 1 is refused as ambiguous.</summary>
    public static bool TryParse(string text, out SizeLimit result)
    {
        result = default;
        if (text.TrimEnd().EndsWith('%'))
        {
            var ok = Fraction.TryParse(text, out var share) && share.Value >= 0;
            result = new SizeLimit(share.Value, null);
            return ok;
        }

        if (!ByteSize.TryParse(text, out var size) || size.Bytes <= 1)
        {
            return false;
        }

        result = new SizeLimit(null, size.Bytes);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Share is { } share ? new Fraction(share).ToString() : new ByteSize(Bytes ?? 0).ToString();
}

/// <summary>A file that a recipe names, relative to the recipe; its content takes part in the stage key.</summary>
/// <param name="Text">The path as written.</param>
/// <param name="FullPath">The full path, set by the binder.</param>
public sealed record RecipePath(string Text, string FullPath)
{
    /// <summary>The path as written.</summary>
    public override string ToString() => Text;
}
