using System.Text.Json.Nodes;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Tests.Samplers;

/// <summary>Runs of diffusers 0.27.2's schedulers with a model that is a formula (tests/fixtures/diffusion/schedulers.json).</summary>
internal static class SchedulerRuns
{
    /// <summary>The whole file.</summary>
    public static JsonObject File { get; } =
        JsonNode.Parse(PythonJson.ToJson(System.IO.File.ReadAllText(Repository.Fixture("diffusion", "schedulers.json"))))!.AsObject();

    public static IEnumerable<JsonObject> All => File["runs"]!.AsArray().Select(run => run!.AsObject());

    public static float[] Floats(JsonNode? node) => [.. node!.AsArray().Select(value => value!.GetValue<float>())];

    public static SchedulerConfig Config(JsonObject run)
    {
        var config = run["config"]!.DeepClone().AsObject();
        config["_class_name"] = run["scheduler"]!.DeepClone();
        if (run["scheduler"]!.GetValue<string>() == "UniPCMultistepScheduler")
        {
            config["final_sigmas_type"] = "sigma_min"; // The only way that this version had; later ones ask for it.
        }

        return SchedulerConfig.Parse(config.ToJsonString(), run["name"]!.GetValue<string>());
    }

    /// <summary>The model.</summary>
    public static float[] Model(ReadOnlySpan<float> sample, double t)
    {
        var output = new float[sample.Length];
        for (var i = 0; i < output.Length; i++)
        {
            output[i] = (float)((Math.Tanh((t + 1) / 250) * sample[i]) + (0.1 * Math.Sin(3 * sample[i])) + (0.05 * Math.Sin(0.01 * t)));
        }

        return output;
    }

    /// <summary>The recorded random draws, in their order.</summary>
    public sealed class RecordedNoise : INoiseSource
    {
        private readonly JsonArray _draws = File["noise"]!.AsArray();

        public int Drawn { get; private set; }

        public void FillNormal(Span<float> destination) => Floats(_draws[Drawn++]).CopyTo(destination);
    }
}
