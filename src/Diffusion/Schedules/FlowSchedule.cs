namespace CompressTool.Diffusion.Schedules;

/// <summary>
/// The noise levels of flow matching, where a noisy sample is (1 - sigma) sample + sigma noise: from 1 down, shifted towards
/// more noise for larger images (Esser et al. 2024, section 5.3.2).
/// </summary>
/// <param name="Shift">The shift; 1 for none.</param>
/// <param name="Terminal">What the last level before 0 is stretched to; null to leave it.</param>
internal sealed record FlowSchedule(double Shift, double? Terminal = null)
{
    /// <summary>Shifts and stretches levels from high to low.</summary>
    public double[] Apply(IEnumerable<double> levels)
    {
        double[] shifted = [.. levels.Select(Shifted)];
        if (Terminal is not { } terminal)
        {
            return shifted;
        }

        var scale = (1 - shifted[^1]) / (1 - terminal);
        return Array.ConvertAll(shifted, level => 1 - ((1 - level) / scale));
    }

    /// <summary>One level shifted.</summary>
    public double Shifted(double level) => Shift * level / (1 + ((Shift - 1) * level));

    /// <summary>Numbers on a line from one to another, both included.</summary>
    public static IEnumerable<double> Line(double from, double to, int count) =>
        Enumerable.Range(0, count).Select(i => count == 1 ? from : from + (i * ((to - from) / (count - 1))));
}
