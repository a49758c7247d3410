// Draws pictures from the same noise with the trained model and with the one that the build made of it.
using System.Diagnostics;
using CompressedModels;
using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Pictures;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Runtime.Engine;

const int Classes = 10, Rows = 4, Steps = 20;
var folder = Path.Combine(AppContext.BaseDirectory, "models", "shapes");
var scheduler = SamplerPresets.Apply(SamplerPresets.Find("ddim"), SchedulerConfig.Load(Path.Combine(folder, "scheduler", "scheduler_config.json")));
var engine = new OnnxRuntimeEngine();

using var model = DiffusersImporter.Import(DiffusersComponent.Find(folder));
var original = Draw("before.png", engine.Compile(model));
var compressed = Draw("after.png", engine.Compile(ShapesSmall.Path));

var ssim = original.Pictures.Zip(compressed.Pictures, CompressTool.Diffusion.Metrics.ImageSimilarity.Ssim).Average();
Console.WriteLine($"{"",-12}{"bytes",12}{"ms a picture",15}");
Console.WriteLine($"{"original",-12}{Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length),12:N0}{original.Milliseconds,15:0.0}");
Console.WriteLine($"{"compressed",-12}{ShapesSmall.Manifest.Bytes,12:N0}{compressed.Milliseconds,15:0.0}");
Console.WriteLine($"{Steps} steps each; the pictures are alike by an SSIM of {ssim:0.000}: before.png, after.png");

(IReadOnlyList<Picture> Pictures, double Milliseconds) Draw(string file, ICompiledFunction function)
{
    using var denoiser = new Denoiser(function);
    var loop = new SamplingLoop(denoiser, SamplerFactory.Create(scheduler, new SamplerSettings { Steps = Steps }));
    var options = new SamplingOptions { Count = Classes * Rows, Shape = [32, 32], Labels = [.. Enumerable.Range(0, Classes * Rows).Select(index => (long)index % Classes)] };
    var start = Stopwatch.GetTimestamp();
    using var samples = loop.Run(options, new TorchGenerator(seed: 0));
    var elapsed = Stopwatch.GetElapsedTime(start);
    var pictures = PictureConversion.ToPictures(samples.AsSpan<float>(), samples.Dims);
    PictureFile.Write(file, PictureGrid.Assemble([.. pictures.Select(picture => picture.Enlarge(2))], Classes));
    return (pictures, elapsed.TotalMilliseconds / options.Count);
}
