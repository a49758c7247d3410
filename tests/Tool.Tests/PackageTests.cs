using System.Diagnostics;
using System.IO.Compression;
using CompressTool.Runtime;

namespace CompressTool.Tool.Tests;

/// <summary>The tool as users get it: packed for this machine, installed from a folder, run.</summary>
[TestClass]
[TestCategory("Integration")]
public sealed class PackageTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(15);

    [TestMethod]
    public void Packed_tool_installs_and_runs()
    {
        using var temp = new TempFolder();
        var rid = NativeLibraryLocator.PortableRid;
        var version = $"0.0.1-test.{Environment.ProcessId}";
        var feed = Path.Combine(temp.Path, "feed");

        // In a folder of its own, so that other builds of the repository are not disturbed.
        Run("dotnet", Repository.Root, "pack", Path.Combine(Repository.Root, "src", "Tool"), "-c", "Release", "-v", "quiet", "-nologo", "-tl:off", "-maxCpuCount:1",
            $"-p:CompressToolRids={rid}", $"-p:Version={version}", "--artifacts-path", temp.File("artifacts"), "-o", feed);

        CollectionAssert.AreEquivalent(
            new[] { $"CompressTool.{version}.nupkg", $"CompressTool.{rid}.{version}.nupkg" }, Directory.GetFiles(feed).Select(Path.GetFileName).ToArray());
        using (var package = ZipFile.OpenRead(Path.Combine(feed, $"CompressTool.{rid}.{version}.nupkg")))
        {
            var native = package.Entries.Where(entry => entry.FullName.Contains("onnxruntime")).Select(entry => entry.FullName).ToArray();
            Assert.HasCount(1, native);
            Assert.Contains($"/runtimes/{rid}/native/", native[0]);
            Assert.IsFalse(package.Entries.Any(entry => entry.Name.EndsWith(".xml", StringComparison.Ordinal) && entry.Name.StartsWith("CompressTool", StringComparison.Ordinal)));
        }

        temp.Write("nuget.config", $"""<configuration><packageSources><clear /><add key="feed" value="{feed}" /></packageSources></configuration>""");
        Run("dotnet", temp.Path, "tool", "install", "CompressTool", "--version", version, "--tool-path", temp.File("tools"), "--configfile", temp.File("nuget.config"));

        var tool = temp.File("tools", OperatingSystem.IsWindows() ? "dotnet-compress.exe" : "dotnet-compress");
        Assert.AreEqual(version, Run(tool, temp.Path, "--version").Trim());
        Assert.Contains(Path.Combine("runtimes", rid, "native"), Run(tool, temp.Path, "info"));
    }

    private static string Run(string program, string folder, params string[] args)
    {
        var start = new ProcessStartInfo(program, args) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_timeout))
        {
            process.Kill(entireProcessTree: true);
        }

        Assert.AreEqual(0, process.ExitCode, $"{program} {string.Join(' ', args)}\n{output.Result}\n{error.Result}");
        return output.Result;
    }
}
