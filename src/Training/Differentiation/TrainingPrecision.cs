namespace CompressTool.Training.Differentiation;

/// <summary>In which types a model with float16 or bfloat16 weights is trained. A float32 model is the same in all of them.</summary>
public enum TrainingPrecision
{
    /// <summary>As the model is: 16-bit weights have gradients of 16 bits.</summary>
    AsModel,

    /// <summary>
    /// Weights are float32 inputs and everything is computed in float32, also what the model computes in 16 bits. On the CPU,
    /// which computes in float32 anyway, this loses nothing and saves the conversions.
    /// </summary>
    Float32,

    /// <summary>
    /// Weights are float32 inputs that are rounded to the model's type where it takes them; everything else is computed as the
    /// model says, and gradients come back in float32 (mixed precision, Micikevicius et al. 2018). Small gradients vanish on
    /// the way unless the loss is scaled.
    /// </summary>
    Mixed,
}
