// Denoises the same noise with the exported U-Net and with the one that the build made from it.
using CompressedModels;
using Denoise;

const int Steps = 50;
var original = Path.Combine(AppContext.BaseDirectory, "models", "unet2d.onnx");
var compressed = Unet2dSmall.Path;

var random = new Random(0);
var noise = new float[3 * 32 * 32];
for (var i = 0; i < noise.Length; i++)
{
    noise[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}

using var first = new Denoiser(original);
using var second = new Denoiser(compressed);
var (picture, milliseconds) = first.Run(noise, Steps);
var (smallPicture, smallMilliseconds) = second.Run(noise, Steps);

var squares = picture.Zip(smallPicture, (a, b) => (double)(a - b) * (a - b)).Average();
Console.WriteLine($"{"",-12}{"bytes",12}{"ms a step",12}");
Console.WriteLine($"{"original",-12}{new FileInfo(original).Length,12:N0}{milliseconds,12:0.00}");
Console.WriteLine($"{"compressed",-12}{Unet2dSmall.Manifest.Bytes,12:N0}{smallMilliseconds,12:0.00}");
Console.WriteLine($"{Steps} steps each; the pictures differ by {Math.Sqrt(squares):0.0000} (root mean square, values from -1 to 1), PSNR {10 * Math.Log10(4 / squares):0.0} dB");
