namespace CompressTool.Onnx.Diagnostics;

/// <summary>Finds the name that a misspelled one most likely meant, for error messages.</summary>
public static class NearestName
{
    /// <summary>The candidate nearest to a name, ignoring case and <c>_</c> for <c>-</c>; null when none is near enough.</summary>
    /// <param name="name">The name as the user wrote it.</param>
    /// <param name="candidates">The names that exist.</param>
    public static string? Find(string name, IEnumerable<string> candidates)
    {
        var wanted = Normalize(name);
        var limit = Math.Max(1, wanted.Length / 3);
        string? nearest = null;
        var best = int.MaxValue;
        foreach (var candidate in candidates)
        {
            var distance = Distance(wanted, Normalize(candidate), limit);
            if (distance <= limit && distance < best)
            {
                (nearest, best) = (candidate, distance);
            }
        }

        return nearest;
    }

    /// <summary>The end of an error message: <c>; did you mean 'x'?</c>, or the known names when none is near.</summary>
    /// <param name="name">The name as the user wrote it.</param>
    /// <param name="candidates">The names that exist.</param>
    public static string Hint(string name, IReadOnlyCollection<string> candidates)
    {
        const int shown = 12;
        return Find(name, candidates) is { } nearest ? $"; did you mean '{nearest}'?"
            : candidates.Count == 0 ? ""
            : $"; known: {string.Join(", ", candidates.Take(shown))}{(candidates.Count > shown ? $" and {candidates.Count - shown} more" : "")}";
    }

    private static string Normalize(string name) => name.ToLowerInvariant().Replace('_', '-');

    /// <summary>Edits (insert, delete, replace, swap of neighbours) from one text to the other; more than the limit is not counted out.</summary>
    private static int Distance(string from, string to, int limit)
    {
        if (Math.Abs(from.Length - to.Length) > limit)
        {
            return int.MaxValue;
        }

        var (beforeLast, last, row) = (new int[to.Length + 1], new int[to.Length + 1], new int[to.Length + 1]);
        for (var j = 0; j <= to.Length; j++)
        {
            last[j] = j;
        }

        for (var i = 1; i <= from.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var same = from[i - 1] == to[j - 1];
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }

            (beforeLast, last, row) = (last, row, beforeLast);
        }

        return last[to.Length];
    }
}
