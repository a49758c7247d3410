using System.Diagnostics;
#if (UseCompressToolRuntime)
using CompressTool.Runtime;
#else
using Microsoft.ML.OnnxRuntime;
#endif
using CompressApp;

// DecoderSmall is made by the build from models/decoder-small.compress.yml.
var shape = DecoderSmall.Inputs.LatentShape;
var latent = new float[shape.Aggregate(1L, (product, length) => product * length)];
var random = new Random(0);
for (var i = 0; i < latent.Length; i++)
{
    latent[i] = (float)(random.NextDouble() * 2 - 1);
}

using var session = new InferenceSession(DecoderSmall.Path);
using var input = OrtValue.CreateTensorValueFromMemory(latent, shape);
#if (UseCompressToolRuntime)
using var outputs = session.Run([DecoderSmall.Inputs.Latent], [input], [DecoderSmall.Outputs.OutSample]);
#else
using var options = new RunOptions();
using var outputs = session.Run(options, [DecoderSmall.Inputs.Latent], [input], [DecoderSmall.Outputs.OutSample]);
#endif
var started = Stopwatch.GetTimestamp();
#if (UseCompressToolRuntime)
using var again = session.Run([DecoderSmall.Inputs.Latent], [input], [DecoderSmall.Outputs.OutSample]);
#else
using var again = session.Run(options, [DecoderSmall.Inputs.Latent], [input], [DecoderSmall.Outputs.OutSample]);
#endif
var milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;

var image = again[0].GetTensorDataAsSpan<float>();
Console.WriteLine($"{DecoderSmall.Manifest.Bytes:N0} bytes, {DecoderSmall.Manifest.Parameters:N0} parameters");
Console.WriteLine($"decoded {latent.Length} numbers to {image.Length} in {milliseconds:0.0} ms");
