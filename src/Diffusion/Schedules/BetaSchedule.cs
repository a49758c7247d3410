namespace CompressTool.Diffusion.Schedules;

/// <summary>How the variance of the noise that a timestep adds, beta, grows with the timestep.</summary>
public enum BetaSchedule
{
    /// <summary>Along a line (Ho et al. 2020).</summary>
    Linear,

    /// <summary>Its root grows along a line (Rombach et al. 2022).</summary>
    ScaledLinear,

    /// <summary>By a squared cosine (Nichol and Dhariwal 2021); start and end are not used.</summary>
    SquaredCosine,

    /// <summary>Along a sigmoid.</summary>
    Sigmoid,
}
