using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CompressTool.Runtime;
using CompressTool.Tool.CommandLine;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Commands;

/// <summary><c>info</c>: the tool and what it runs on.</summary>
internal sealed class InfoCommand() : ToolCommand("info", "Show the versions of the tool and of ONNX Runtime, and what the machine can do.")
{
    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context)
    {
        var library = OrtEnvironment.Library;
        var cpu = CpuCapabilities.Current;
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var cache = CacheFolder.Of(null);
        var json = new JsonObject
        {
            ["version"] = Program.Version,
            ["dotnet"] = RuntimeInformation.FrameworkDescription,
            ["system"] = $"{RuntimeInformation.OSDescription} ({NativeLibraryLocator.PortableRid})",
            ["onnxruntime"] = new JsonObject
            {
                ["version"] = OrtEnvironment.Version,
                ["path"] = library.Path,
                ["reason"] = library.Reason,
                ["providers"] = new JsonArray([.. OrtEnvironment.AvailableProviders.Select(provider => JsonValue.Create(provider))]),
            },
            ["cpu"] = new JsonObject
            {
                ["class"] = cpu.Class,
                ["architecture"] = cpu.Architecture,
                ["avx2"] = cpu.Avx2,
                ["avx512"] = cpu.Avx512,
                ["vnni"] = cpu.Avx512Vnni || cpu.AvxVnni,
                ["bf16"] = cpu.Bf16,
                ["features"] = new JsonArray([.. cpu.Features.Select(feature => JsonValue.Create(feature))]),
                ["cores"] = Environment.ProcessorCount,
            },
            ["memory"] = memory,
            ["cache"] = cache,
        };

        context.WriteResult(json, output =>
        {
            var table = new TableWriter("", "");
            table.Add("dotnet compress", Program.Version);
            table.Add(".NET", RuntimeInformation.FrameworkDescription);
            table.Add("system", (string)json["system"]!);
            table.Add("ONNX Runtime", $"{OrtEnvironment.Version}, {library.Reason}");
            table.Add("", library.Path);
            table.Add("providers", string.Join(", ", OrtEnvironment.AvailableProviders));
            table.Add("processor", $"{cpu.Class}, {Environment.ProcessorCount} cores; {(cpu.Features.Count > 0 ? string.Join(", ", cpu.Features) : "no vector extensions known")}");
            table.Add("memory", Units.Bytes(memory));
            table.Add("cache", cache);
            table.Write(output);
        });
        return Task.FromResult(ExitCodes.Success);
    }
}
