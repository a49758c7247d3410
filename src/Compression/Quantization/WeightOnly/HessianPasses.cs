using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Gathers the Hessians of layers while the model runs over the calibration's inputs, in passes that hold a part of them. Only Hessians
/// are held, so that memory does not grow with activations, nor by the model.
/// </summary>
/// <param name="model">The model; it is the same afterwards.</param>
/// <param name="context">The stage's context, for progress and cancellation.</param>
/// <param name="budget">Bytes of the Hessians that are held at once.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
internal sealed class HessianPasses(Model model, StageContext context, long budget, int threads)
{
    /// <summary>Runs the model as often as needed.</summary>
    /// <param name="layers">Layers that can have a Hessian.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="share">The share of the stage's progress that this has.</param>
    /// <param name="finish">Receives each group with what was seen of its inputs; null when there were none.</param>
    /// <returns>How often the model ran over the inputs.</returns>
    public int Run(IEnumerable<Layer> layers, ICalibrationInputs inputs, double share, Action<HessianGroup, SeenInputs?> finish)
    {
        var passes = HessianPlan.Passes(layers, budget);
        foreach (var (number, groups) in passes.Index())
        {
            InputMoments[] moments = [.. groups.Select(group => new InputMoments(group.Size))];
            Hessian[] hessians = [.. groups.Select(group => new Hessian(group.Size, threads))];
            var observer = new MomentsOperator(moments, hessians);
            var watches = groups.Index().SelectMany(group => group.Item.Inputs.Select(value => (Func<Value>)(() => observer.Watch(value, group.Index))));
            Calibrator.Run(model, observer, [.. watches], inputs, context, (share * number / passes.Count, share * (number + 0.7) / passes.Count));
            foreach (var (index, group) in groups.Index())
            {
                context.Report(share * (number + 0.7 + (0.3 * index / groups.Count)) / passes.Count, group.Layers[0].Name);
                var seen = hessians[index].Rows > 0 ? new SeenInputs(hessians[index].Complete(), moments[index].MeanSizes()) : null;
                hessians[index] = null!; // The memory is needed.
                finish(group, seen);
            }
        }

        return passes.Count;
    }
}

/// <summary>What was seen of the inputs of layers.</summary>
/// <param name="Hessian">H, [K, K].</param>
/// <param name="Sizes">E[|x|] of each channel, [K].</param>
internal sealed record SeenInputs(double[] Hessian, double[] Sizes);
