using System.CommandLine;
using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Commands;

/// <summary><c>images</c>: makes and looks at sets of images.</summary>
internal sealed class ImagesCommand : Command
{
    public ImagesCommand()
        : base("images", "Make sets of images to train on.")
    {
        Add(new ShapesCommand());
    }

    private sealed class ShapesCommand : ToolCommand
    {
        private const int GridSide = 10;

        private readonly Option<int> _count = CommonOptions.Number("--count", "How many images.", 1, 4000);
        private readonly Option<int> _size = CommonOptions.Number("--size", $"Width and height in pixels, {ShapeImages.MinSize} to {ShapeImages.MaxSize}.", ShapeImages.MinSize, 32);
        private readonly Option<ulong> _seed = new("--seed") { Description = "What the images depend on.", HelpName = "N" };
        private readonly Option<bool> _grey = new("--grey") { Description = "One channel instead of red, green and blue." };
        private readonly Option<string?> _grid = new("--grid") { Description = $"A PNG file that receives the first {GridSide * GridSide} images side by side.", HelpName = "FILE" };
        private readonly Option<string> _output = new("--output", "-o")
        {
            Description = "The .npy file that receives the images, uint8 [count,size,size,channels]; the labels go into .labels.npy beside it.",
            HelpName = "FILE",
            Required = true,
        };

        public ShapesCommand()
            : base("shapes", $"Draw simple objects of ten classes: {string.Join(", ", ShapeImages.Classes)}. The same seed gives the same pixels everywhere.")
        {
            foreach (var option in new Option[] { _count, _size, _seed, _grey, _grid, _output })
            {
                Add(option);
            }
        }

        public override Task<int> RunAsync(CommandContext context)
        {
            var (count, size, channels) = (context.Get(_count), context.Get(_size), context.Get(_grey) ? 1 : 3);
            if (size > ShapeImages.MaxSize)
            {
                throw new CompressToolException(ToolErrors.InvalidValue, $"'--size {size}' is too large; up to {ShapeImages.MaxSize} pixels can be drawn");
            }

            if ((long)count * size * size * channels > Array.MaxLength)
            {
                throw new CompressToolException(ToolErrors.InvalidValue, $"{Units.Count(count)} images of {size} x {size} pixels are more than a file of 2 GB; take fewer, and more seeds");
            }

            var set = new ShapeImages(context.Get(_seed), size);
            var path = Path.GetFullPath(context.Get(_output));
            var labels = Path.ChangeExtension(path, ".labels.npy");
            using (var display = context.Console.StartProgress("shapes"))
            {
                var progress = new DirectProgress<int>(done => display.Report(new StageProgress((double)done / count, $"image {done} of {count}")));
                NpyFile.Write(path, set.DrawAll(count, channels, progress, context.CancellationToken));
            }

            NpyFile.Write(labels, ShapeImages.Labels(count));
            var grid = context.Get(_grid);
            if (grid is not null)
            {
                PictureFile.Write(grid, PictureGrid.Assemble([.. Enumerable.Range(0, Math.Min(count, GridSide * GridSide)).Select(i => set.Draw(i).WithChannels(channels))], GridSide));
            }

            context.WriteResult(
                new JsonObject
                {
                    ["file"] = path,
                    ["labels"] = labels,
                    ["grid"] = grid is null ? null : Path.GetFullPath(grid),
                    ["count"] = count,
                    ["classes"] = new JsonArray([.. ShapeImages.Classes.Select(name => JsonValue.Create(name))]),
                },
                output =>
                {
                    output.WriteLine($"{Units.Count(count)} images of {size} x {size} pixels: {path}");
                    output.WriteLine($"their labels, 0 to {ShapeImages.Classes.Count - 1}: {labels}");
                });
            return Task.FromResult(ExitCodes.Success);
        }
    }
}
