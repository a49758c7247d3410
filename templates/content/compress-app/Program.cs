using System.Diagnostics;
#if (UseCompressToolRuntime)
using CompressTool.Runtime;
#else
using Microsoft.ML.OnnxRuntime;
#endif
using CompressedModels;

// DecoderSmall is made by the build from models/decoder-small.compress.yml.
var shape = DecoderSmall.Inputs.LatentShape;
var latent = new float[shape.Aggregate(1L, (product, length) => product * length)];
var random = new Random(0);
for (var i = 0; i < latent.Length; i++)
{
    latent[i] = (float)(random.NextDouble() * 2 - 1);
}

var inputs = new Dictionary<string, OrtValue>();
using var session = new InferenceSession(DecoderSmall.Path);
using var input = inputs[DecoderSmall.Inputs.Latent] = OrtValue.CreateTensorValueFromMemory(latent, shape);
#if (!UseCompressToolRuntime)
using var options = new RunOptions();
#endif

// The first run also prepares buffers; the second one is timed.
var milliseconds = 0.0;
var length = 0;
for (var run = 0; run < 2; run++)
{
    var started = Stopwatch.GetTimestamp();
#if (UseCompressToolRuntime)
    using var outputs = session.Run(inputs, [DecoderSmall.Outputs.OutSample]);
#else
    using var outputs = session.Run(options, inputs, [DecoderSmall.Outputs.OutSample]);
#endif
    milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    length = outputs[0].GetTensorDataAsSpan<float>().Length;
}

Console.WriteLine($"{DecoderSmall.Manifest.Bytes:N0} bytes, {DecoderSmall.Manifest.Parameters:N0} parameters");
Console.WriteLine($"decoded {latent.Length} numbers to {length} in {milliseconds:0.0} ms");
