using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Store;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Commands;

/// <summary><c>cache</c>: looks after the artifact store.</summary>
internal sealed class CacheCommand : Command
{
    public CacheCommand()
        : base("cache", "Look after the store of finished stages.")
    {
        var folder = CacheFolder.CreateOption();
        Add(folder);
        Add(new ListCommand(folder));
        Add(new CleanCommand(folder));
        Add(new VerifyCommand(folder));
    }

    private static ArtifactStore? Open(CommandContext context, Option<string?> folder, out string path)
    {
        // Looking after a store does not make one.
        path = CacheFolder.Of(context.Get(folder));
        return Directory.Exists(path) ? new ArtifactStore(path) : null;
    }

    private sealed class ListCommand(Option<string?> folder) : ToolCommand("list", "List the artifacts, the least recently used first.")
    {
        public override Task<int> RunAsync(CommandContext context)
        {
            var artifacts = Open(context, folder, out var path)?.List() ?? [];
            var total = artifacts.Sum(item => item.Artifact.Bytes);
            var json = new JsonObject
            {
                ["folder"] = path,
                ["bytes"] = total,
                ["artifacts"] = new JsonArray([.. artifacts.Select(item => new JsonObject
                {
                    ["key"] = item.Artifact.Key,
                    ["kind"] = item.Artifact.Kind,
                    ["bytes"] = item.Artifact.Bytes,
                    ["lastUsed"] = item.LastUsed.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
                    ["model"] = item.Artifact.ModelPath,
                })]),
            };
            context.WriteResult(json, output =>
            {
                var table = new TableWriter("key", "stage", ">size", "last used (UTC)");
                foreach (var (artifact, lastUsed) in artifacts)
                {
                    table.Add(Short(artifact.Key), artifact.Kind, Units.Bytes(artifact.Bytes), lastUsed.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture));
                }

                if (artifacts.Count > 0)
                {
                    table.Write(output);
                }

                output.WriteLine($"{Count(artifacts.Count)}, {Units.Bytes(total)} in {path}");
            });
            return Task.FromResult(ExitCodes.Success);
        }
    }

    private sealed class CleanCommand : ToolCommand
    {
        private readonly Option<string?> _folder;
        private readonly Option<ByteSize?> _maxSize = new("--max-size")
        {
            Description = "Remove the least recently used artifacts until the rest takes no more than this.",
            HelpName = "SIZE",
            CustomParser = result =>
            {
                if (!ByteSize.TryParse(result.Tokens[0].Value, out var size))
                {
                    result.AddError($"'{result.Tokens[0].Value}' is not a size; write e.g. 10GB or 500 MB");
                }

                return size;
            },
        };

        private readonly Option<bool> _all = new("--all") { Description = "Remove everything that is not in use." };

        public CleanCommand(Option<string?> folder)
            : base("clean", "Remove artifacts that were not used for long, and what killed builds left behind.")
        {
            _folder = folder;
            Add(_maxSize);
            Add(_all);
        }

        public override Task<int> RunAsync(CommandContext context)
        {
            var (maxSize, all) = (context.Get(_maxSize), context.Get(_all));
            if (all == maxSize.HasValue)
            {
                throw new CompressToolException(all ? ToolErrors.Conflict : ToolErrors.Missing,
                    all ? "--all and --max-size exclude each other; keep one of them" : "'clean' needs --max-size SIZE, e.g. --max-size 10GB, or --all");
            }

            var store = Open(context, _folder, out var path);
            var (artifacts, bytes) = store?.Clean(maxSize?.Bytes ?? 0, all) ?? (0, 0L);
            var left = store?.List() ?? [];
            var leftBytes = left.Sum(item => item.Artifact.Bytes);
            context.WriteResult(
                new JsonObject
                {
                    ["folder"] = path,
                    ["removed"] = new JsonObject { ["artifacts"] = artifacts, ["bytes"] = bytes },
                    ["left"] = new JsonObject { ["artifacts"] = left.Count, ["bytes"] = leftBytes },
                },
                output => output.WriteLine($"removed {Count(artifacts)} ({Units.Bytes(bytes)}), left {Count(left.Count)} ({Units.Bytes(leftBytes)}) in {path}"));
            return Task.FromResult(ExitCodes.Success);
        }
    }

    private sealed class VerifyCommand : ToolCommand
    {
        private readonly Option<string?> _folder;
        private readonly Option<bool> _remove = new("--remove") { Description = "Remove damaged artifacts; they are made anew when needed." };

        public VerifyCommand(Option<string?> folder)
            : base("verify", "Compare all files with the hashes they had when they were made.")
        {
            _folder = folder;
            Add(_remove);
        }

        public override Task<int> RunAsync(CommandContext context)
        {
            var store = Open(context, _folder, out var path);
            var artifacts = store?.List() ?? [];
            var damaged = new JsonArray();
            var total = Math.Max(1, artifacts.Sum(item => (double)item.Artifact.Bytes));
            using (var progress = context.Console.StartProgress("verify", total, "B"))
            {
                var done = 0.0;
                foreach (var (artifact, _) in artifacts)
                {
                    progress.Report(new(done / total, Short(artifact.Key)));
                    if (artifact.FindDamage(context.CancellationToken) is { } file)
                    {
                        context.Console.Error(StoreErrors.ArtifactDamaged, $"'{Path.Combine(artifact.Folder, file)}' is not what it was when it was made{(context.Get(_remove) ? "; removed" : "; remove it with --remove")}");
                        damaged.Add(new JsonObject { ["key"] = artifact.Key, ["kind"] = artifact.Kind, ["file"] = file });
                        if (context.Get(_remove))
                        {
                            store!.Remove(artifact);
                        }
                    }

                    done += artifact.Bytes;
                }
            }

            var good = artifacts.Count - damaged.Count;
            context.WriteResult(
                new JsonObject { ["folder"] = path, ["verified"] = artifacts.Count, ["damaged"] = damaged, ["removed"] = context.Get(_remove) },
                output => output.WriteLine($"{good} of {Count(artifacts.Count)} as made, in {path}"));
            return Task.FromResult(good == artifacts.Count || context.Get(_remove) ? ExitCodes.Success : ExitCodes.Environment);
        }
    }

    private static string Count(int artifacts) => artifacts == 1 ? "1 artifact" : $"{artifacts} artifacts";

    private static string Short(string key) => key[..Math.Min(12, key.Length)];
}
