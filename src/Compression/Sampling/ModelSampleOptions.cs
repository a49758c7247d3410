using CompressTool.Compression.Options;

namespace CompressTool.Compression.Sampling;

/// <summary>Samples of a model of which nothing else is said.</summary>
public record ModelSampleOptions : SampleOptions
{
    /// <summary>The scheduler.</summary>
    [Option("The diffusers scheduler_config.json of the model. When left out, that of the pipeline which the model was imported from, or else 1000 timesteps with betas on a line from 0.0001 to 0.02 and a prediction of the noise.", Example = "scheduler/scheduler_config.json")]
    public RecipePath? Scheduler { get; init; }

    /// <summary>Batch.</summary>
    [Option("How many samples the model sees at once at most.", Min = 1)]
    public int Batch { get; init; } = 16;

    /// <summary>Classes.</summary>
    [Option("How many classes are drawn, in turns, for a model with classes: the first ones. When left out, all of the model's, without the last, which stands for none, when there is guidance or when the reference has one class less.", Min = 1, Example = "10")]
    public int? Classes { get; init; }

    /// <summary>Size.</summary>
    [Option("Height and width of the samples for a model that leaves them open, one number or two; of the latents where the model works on latents.", Min = 1, Example = "[64, 64]")]
    public IReadOnlyList<int> Size { get; init; } = [];

    /// <summary>Decoder.</summary>
    [Option("An .onnx file that makes images of latents, for a model that works on latents.", Example = "vae_decoder.onnx")]
    public RecipePath? Decoder { get; init; }

    /// <summary>Other inputs.</summary>
    [Option("The other inputs of the model, such as the embeddings of texts: a .npy file for each, with a row for each sample, or one for all.", Example = "{ encoder_hidden_states: texts.npy }")]
    public IReadOnlyDictionary<string, RecipePath> Inputs { get; init; } = new Dictionary<string, RecipePath>();

    /// <summary>Other inputs without the condition.</summary>
    [Option("The same inputs without the condition, for guidance.", Example = "{ encoder_hidden_states: empty.npy }")]
    public IReadOnlyDictionary<string, RecipePath> NullInputs { get; init; } = new Dictionary<string, RecipePath>();
}
