using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>What the inputs of a diffusion model are for, by their names and shapes.</summary>
/// <param name="Sample">The noisy samples: float32 or float16.</param>
/// <param name="Timestep">The timestep: one for all samples, or one for each.</param>
/// <param name="Labels">A class for each sample; null where the model has no classes.</param>
/// <param name="Conditions">All other inputs: what the samples are to be like.</param>
public sealed record DenoiserInputs(FunctionValue Sample, FunctionValue Timestep, FunctionValue? Labels, IReadOnlyList<FunctionValue> Conditions)
{
    private static readonly string[] s_timestepNames = ["timestep", "timesteps", "t", "time", "time_step"];
    private static readonly string[] s_sampleNames = ["sample", "samples", "x", "latent", "latents", "hidden_states", "input"];
    private static readonly string[] s_labelNames = ["class_labels", "class_label", "labels", "label", "classes", "y"];

    /// <summary>Tells inputs apart.</summary>
    /// <param name="all">The inputs.</param>
    /// <param name="missing">What a diffusion model has and these have not; null when nothing is missing.</param>
    /// <returns>What they are for; null when they are not those of a diffusion model.</returns>
    public static DenoiserInputs? Find(IReadOnlyList<FunctionValue> all, out string? missing)
    {
        var inputs = all.ToList();
        if (Take(inputs, input => s_timestepNames.Contains(input.Name) && input.Type.Shape is null or { Count: < 2 }) is not { } timestep)
        {
            missing = $"it has no input for timesteps (a scalar or a vector called {string.Join(", ", s_timestepNames)})";
            return null;
        }

        var candidates = inputs.Where(input => input.Type.ElementType is DataType.Float or DataType.Float16 && input.Type.Shape is { Count: > 1 }).ToList();
        if ((candidates.Find(input => s_sampleNames.Contains(input.Name)) ?? candidates.Find(input => input.Type.Shape!.Count == 4) ?? candidates.FirstOrDefault()) is not { } sample)
        {
            missing = "it has no input for samples (float32 or float16, of at least two dimensions)";
            return null;
        }

        missing = null;
        inputs.Remove(sample);
        var labels = Take(inputs, input => s_labelNames.Contains(input.Name) && input.Type.Shape is { Count: 1 });
        return new DenoiserInputs(sample, timestep, labels, inputs);
    }

    /// <summary>What the inputs of a graph are for; null when it is no diffusion model.</summary>
    public static DenoiserInputs? Find(Graph graph) => Find(
        [.. graph.Inputs.Where(input => input.Initializer is null && input.TensorType is not null).Select(input => new FunctionValue(input.Name, input.TensorType!))], out _);

    private static FunctionValue? Take(List<FunctionValue> values, Predicate<FunctionValue> wanted)
    {
        var found = values.Find(wanted);
        if (found is not null)
        {
            values.Remove(found);
        }

        return found;
    }
}
