using System.Globalization;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training.Optimization;

/// <summary>Numbers in options: as text that names them exactly, and within their range.</summary>
internal static class Numbers
{
    public static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    public static void Check(bool good, string what, double value, string range)
    {
        if (!good)
        {
            throw new CompressToolException(TrainingErrors.InvalidOption, $"{what} is {Text(value)}; it must be {range}");
        }
    }
}
