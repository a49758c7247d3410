using System.Globalization;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Sampling;

/// <summary>The classes of samples, from the command line: numbers and ranges with commas (<c>3</c>, <c>0-4,7</c>), or <c>all</c>, in turns.</summary>
internal static class ClassList
{
    /// <summary>The class of each sample.</summary>
    /// <param name="text">The command line's words.</param>
    /// <param name="count">The number of samples.</param>
    /// <param name="classes">How many classes the model has, without that of no class; null when unknown.</param>
    /// <exception cref="CompressToolException">The words are none of these, or the model has no such class.</exception>
    public static long[] Parse(string text, int count, long? classes)
    {
        long[] turn = text == "all"
            ? [.. Range(0, (classes ?? throw Invalid(text, "how many classes the model has cannot be seen; write them, e.g. 0-9")) - 1)]
            : [.. text.Split(',').SelectMany(Part)];
        return [.. Enumerable.Range(0, count).Select(i => turn[i % turn.Length])];

        IEnumerable<long> Part(string part)
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !ends.All(end => long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            {
                throw Invalid(text, "write numbers and ranges with commas, e.g. 3 or 0-4,7, or all");
            }

            var (first, last) = (long.Parse(ends[0], CultureInfo.InvariantCulture), long.Parse(ends[^1], CultureInfo.InvariantCulture));
            return last < first ? throw Invalid(text, $"the range {part} ends before it begins")
                : last - first > int.MaxValue ? throw Invalid(text, $"the range {part} is too long")
                : Range(first, last);
        }
    }

    private static IEnumerable<long> Range(long first, long last)
    {
        for (var number = first; number <= last; number++)
        {
            yield return number;
        }
    }

    private static CompressToolException Invalid(string text, string why) => new(ToolErrors.InvalidValue, $"'--class {text}' does not say the classes: {why}");
}
