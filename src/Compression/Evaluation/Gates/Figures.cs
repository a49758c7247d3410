using System.Globalization;

namespace CompressTool.Compression.Evaluation;

/// <summary>Figures as gates tell them: short, but with digits enough to see on which side of the limit they are.</summary>
internal static class Figures
{
    /// <summary>A share in percent.</summary>
    public static string Percent(double share, double limit) => Number(share * 100, limit * 100) + "%";

    /// <summary>A number to three significant digits, or more where a limit is near.</summary>
    public static string Number(double value, double limit)
    {
        for (var digits = 3; digits < 9; digits++)
        {
            var text = Significant(value, digits);
            if (value == limit || text != Significant(limit, digits))
            {
                return text;
            }
        }

        return value.ToString("R", CultureInfo.InvariantCulture);
    }

    /// <summary>A number to some significant digits.</summary>
    public static string Significant(double value, int digits)
    {
        if (value == 0 || !double.IsFinite(value))
        {
            return double.IsPositiveInfinity(value) ? "infinite" : value.ToString(CultureInfo.InvariantCulture);
        }

        // Whole digits are all told: 1234, not 1.23E+03.
        var whole = (int)Math.Floor(Math.Log10(Math.Abs(value))) + 1;
        return whole is > -4 and < 12
            ? Math.Round(value, Math.Clamp(digits - whole, 0, 15)).ToString("0.###############", CultureInfo.InvariantCulture)
            : value.ToString($"0.{new string('#', digits - 1)}e0", CultureInfo.InvariantCulture);
    }
}
