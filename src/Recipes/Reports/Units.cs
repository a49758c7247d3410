using System.Globalization;

namespace CompressTool.Recipes.Reports;

/// <summary>Numbers as people read them, the same in every culture.</summary>
public static class Units
{
    private static readonly string[] s_decimalPrefixes = ["", "k", "M", "G", "T", "P"];

    /// <summary>35,746,307</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>6.05 G</summary>
    public static string Scaled(double value, string unit = "")
    {
        var power = 0;
        while (Math.Abs(value) >= 999.5 && power < s_decimalPrefixes.Length - 1)
        {
            value /= 1000;
            power++;
        }

        var format = power == 0 && value == Math.Floor(value) ? "0" : Math.Abs(value) >= 99.95 ? "0" : Math.Abs(value) >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {s_decimalPrefixes[power]}{unit}".TrimEnd();
    }

    /// <summary>143 MB; decimal, as disks and file managers count.</summary>
    public static string Bytes(double value) => Scaled(value, "B");

    /// <summary>12.5 %</summary>
    public static string Percent(double share) => (share * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    /// <summary>Three significant digits: 0.00123, 45.7, 1235; 1.23e-07 where that is shorter.</summary>
    public static string Significant(double value)
    {
        if (value == 0 || !double.IsFinite(value))
        {
            return value == 0 ? "0" : double.IsNaN(value) ? "NaN" : value > 0 ? "infinite" : "-infinite";
        }

        var whole = (int)Math.Floor(Math.Log10(Math.Abs(value))) + 1;
        return whole is > -4 and < 7
            ? Math.Round(value, Math.Clamp(3 - whole, 0, 15)).ToString("0.##########", CultureInfo.InvariantCulture)
            : value.ToString("0.00e0", CultureInfo.InvariantCulture);
    }

    /// <summary>0.35 s, 12 s, 3:05 min, 2:10 h</summary>
    public static string Duration(TimeSpan time)
    {
        var rounded = TimeSpan.FromSeconds(Math.Round(time.TotalSeconds));
        return time.TotalSeconds switch
        {
            < 0.0095 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms"),
            < 9.95 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s"),
            < 59.5 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
            < 3599.5 => string.Create(CultureInfo.InvariantCulture, $"{rounded.Minutes}:{rounded.Seconds:00} min"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)rounded.TotalHours}:{rounded.Minutes:00} h"),
        };
    }
}
