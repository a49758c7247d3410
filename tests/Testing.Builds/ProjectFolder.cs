using System.Diagnostics;

namespace CompressTool.Testing.Builds;

/// <summary>A folder with projects, and the building of them.</summary>
public class ProjectFolder : IDisposable
{
    private readonly TempFolder _folder;
    private int _builds;

    /// <summary>Creates the folder <see cref="Root"/> inside another one.</summary>
    public ProjectFolder(TempFolder folder, string subfolder = "src")
    {
        _folder = folder;
        Root = Path.Combine(_folder.Path, subfolder);
        Directory.CreateDirectory(Root);
    }

    /// <summary>Full path of the folder of the projects; files that are none of theirs may lie beside it.</summary>
    public string Root { get; }

    /// <summary>Environment variables of the builds.</summary>
    public IDictionary<string, string> Environment { get; } = new Dictionary<string, string>();

    /// <summary>True once the projects are restored: builds then do not restore again.</summary>
    public bool Restored { get; set; }

    public string PathOf(string file) => Path.GetFullPath(Path.Combine(Root, file));

    public bool Exists(string file) => Path.Exists(PathOf(file));

    public string Read(string file) => File.ReadAllText(PathOf(file));

    public string Write(string file, string text)
    {
        var path = PathOf(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Replace(string file, string old, string replacement)
    {
        var text = Read(file);
        Assert.Contains(old, text);
        Write(file, text.Replace(old, replacement, StringComparison.Ordinal));
    }

    /// <summary>Gives the file the time of now, its content unchanged.</summary>
    public void Touch(string file) => File.SetLastWriteTimeUtc(PathOf(file), DateTime.UtcNow);

    /// <summary>The folder of a recipe below obj/compress, by the recipe's name.</summary>
    public string RecipeFolder(string name = "shop", string obj = "obj") => Directory.GetDirectories(PathOf($"{obj}/compress"), $"{name}-????????").Single();

    /// <summary>Builds; fails the test when the build fails.</summary>
    public BuildResult Build(params string[] arguments) => TryBuild(arguments).Succeeded();

    /// <summary>Builds, or does what the first argument says, with a binary log.</summary>
    public BuildResult TryBuild(params string[] arguments)
    {
        var log = Path.Combine(_folder.Path, $"{++_builds}.binlog");
        string[] command = arguments is ["publish" or "pack" or "clean" or "msbuild", ..] ? arguments : ["build", .. arguments];
        string[] restore = Restored && command[0] is "publish" or "pack" or "build" ? ["--no-restore"] : [];
        var result = Run([.. command, .. restore, $"-bl:{log}", "-tl:off"], log);
        Restored |= result.ExitCode == 0 && command[0] != "msbuild";
        return result;
    }

    /// <summary>Runs dotnet.</summary>
    public BuildResult Run(params string[] arguments) => Run(arguments, null);

    /// <summary>Starts dotnet.</summary>
    public Process Start(params string[] arguments) => DotNet.Start(DotNet.Host, Root, Environment, arguments);

    /// <summary>Starts dotnet as the leader of a process group of its own, as a terminal does.</summary>
    public Process StartInGroup(params string[] arguments) => DotNet.Start("setsid", Root, Environment, ["--wait", DotNet.Host, .. arguments]);

    /// <summary>Succeeds when an up-to-date check finds nothing to do.</summary>
    public BuildResult Question(params string[] arguments) => Run(["build", "--no-restore", "-question", "-tl:off", .. arguments]);

    /// <inheritdoc/>
    public void Dispose()
    {
        Release(_folder);
        GC.SuppressFinalize(this);
    }

    /// <summary>What becomes of the folder at the end.</summary>
    protected virtual void Release(TempFolder folder) => folder.Dispose();

    private BuildResult Run(string[] arguments, string? binaryLog)
    {
        using var process = Start(arguments);
        return DotNet.Wait(process, arguments, binaryLog);
    }
}
