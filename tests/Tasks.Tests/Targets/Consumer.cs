using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;

namespace CompressTool.Tasks.Tests.Targets;

/// <summary>
/// A folder with projects that use the package as its users do, except that props and targets come from the source tree and the
/// tool is the fake one. By default it holds App.csproj with shop.compress.yml, two stages over model.txt.
/// </summary>
internal sealed class Consumer : IDisposable
{
    public const string Recipe = """
        # a comment
        model: model.txt
        stages:
          - prune: 0.3
          - quantize: fp16

        """;

    private static readonly string s_fakeTool = typeof(Consumer).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "FakeTool").Value!;

    private static readonly ConcurrentBag<TempFolder> s_built = [];

    private readonly TempFolder _folder;
    private readonly Dictionary<string, string> _environment = [];
    private readonly bool _pooled;
    private bool _restored;
    private int _builds;

    private Consumer(TempFolder folder, string? subfolder = null, bool pooled = false)
    {
        _folder = folder;
        _pooled = pooled;
        Root = Path.Combine(_folder.Path, subfolder ?? "src");
        CallLog = Path.Combine(_folder.Path, "calls.log");
        _environment["FAKE_TOOL_LOG"] = CallLog;
    }

    public string Root { get; }

    public string CallLog { get; }

    public static string FakeTool => s_fakeTool;

    /// <summary>A folder without projects.</summary>
    public static Consumer Empty(string? subfolder = null)
    {
        var consumer = new Consumer(new TempFolder(), subfolder);
        consumer.WriteImports();
        return consumer;
    }

    /// <summary>The default consumer, built. The first build is most of a test's time, so its result is kept and restored.</summary>
    public static Consumer Built()
    {
        if (!s_built.TryTake(out var folder))
        {
            folder = new TempFolder();
            var first = new Consumer(folder, pooled: true);
            first.WriteDefault();
            first.Build();
            CopyFolder(first.Root, Path.Combine(folder.Path, "built"));
        }

        var consumer = new Consumer(folder, pooled: true) { _restored = true };
        Directory.Delete(consumer.Root, recursive: true);
        CopyFolder(Path.Combine(folder.Path, "built"), consumer.Root);
        File.Delete(consumer.CallLog);
        return consumer;
    }

    /// <summary>Deletes what <see cref="Built"/> keeps.</summary>
    public static void DeleteAll()
    {
        while (s_built.TryTake(out var folder))
        {
            folder.Dispose();
        }
    }

    /// <summary>The default consumer, not built; <paramref name="project"/> goes into the project file.</summary>
    public static Consumer App(string project = "", string recipe = Recipe, string program = "", string? subfolder = null)
    {
        var consumer = new Consumer(new TempFolder(), subfolder);
        consumer.WriteDefault(project, recipe, program);
        return consumer;
    }

    private void WriteDefault(string project = "", string recipe = Recipe, string program = "")
    {
        WriteImports();
        Write("model.txt", "weights\n");
        Write("shop.compress.yml", recipe);
        Write("Program.cs", program.Length > 0 ? program : "System.Console.Write(System.IO.File.ReadAllText(CompressedModels.Shop.Path));\n");
        WriteApp(project);
    }

    private void WriteImports()
    {
        var tasks = Path.Combine(Repository.Root, "src", "Tasks");
        Write(".editorconfig", "root = true\n");
        Write("Directory.Build.props", $"""
            <Project>
              <PropertyGroup>
                <CompressTasksAssembly>{typeof(CompressToolTask).Assembly.Location}</CompressTasksAssembly>
                <CompressToolPath Condition="'$(CompressToolPath)' == ''">{s_fakeTool}</CompressToolPath>
                <LangVersion>10</LangVersion>
                <Nullable>enable</Nullable>
                <!-- Not what is tested, but much of a build's time. -->
                <EnableNETAnalyzers Condition="'$(EnableNETAnalyzers)' == ''">false</EnableNETAnalyzers>
                <NuGetAudit>false</NuGetAudit>
                <UseSharedCompilation>true</UseSharedCompilation>
                <UseAppHost Condition="'$(UseAppHost)' == ''">false</UseAppHost>
              </PropertyGroup>
              <!-- What restore writes into nuget.g.props. -->
              <Import Project="{tasks}/build/CompressTool.Tasks.props" Condition="'$(ExcludeRestorePackageImports)' != 'true'" />
            </Project>
            """);
        Write("Directory.Build.targets", $"""
            <Project>
              <ImportGroup Condition="'$(ExcludeRestorePackageImports)' != 'true'">
                <Import Project="{tasks}/buildMultiTargeting/CompressTool.Tasks.targets" Condition="'$(IsCrossTargetingBuild)' == 'true'" />
                <Import Project="{tasks}/build/CompressTool.Tasks.targets" Condition="'$(IsCrossTargetingBuild)' != 'true'" />
              </ImportGroup>
            </Project>
            """);
    }

    public void WriteApp(string project = "", string recipes = """<CompressRecipe Include="shop.compress.yml" />""", string name = "App.csproj") => Write(name, $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
          <ItemGroup>
            {recipes}
          </ItemGroup>
          {project}
        </Project>
        """);

    public void WriteLibrary(string name, string frameworks, string project = "") => Write($"{name}/{name}.csproj", $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <{(frameworks.Contains(';') ? "TargetFrameworks" : "TargetFramework")}>{frameworks}</{(frameworks.Contains(';') ? "TargetFrameworks" : "TargetFramework")}>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
          <ItemGroup>
            <CompressRecipe Include="shop.compress.yml" />
          </ItemGroup>
          {project}
        </Project>
        """);

    /// <summary>An app over a library; by default it prints the library's model.</summary>
    public void WriteReferencingApp(string name, string reference, string recipes = "", string program = "System.Console.Write(System.IO.File.ReadAllText(Models.Path));\n")
    {
        Write($"{name}/Program.cs", program);
        WriteApp($"""<ItemGroup><ProjectReference Include="{reference}" /></ItemGroup>""", recipes, $"{name}/{name}.csproj");
    }

    public string Write(string file, string text)
    {
        var path = PathOf(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public string Read(string file) => File.ReadAllText(PathOf(file));

    public bool Exists(string file) => Path.Exists(PathOf(file));

    public string PathOf(string file) => Path.GetFullPath(Path.Combine(Root, file));

    public void Replace(string file, string old, string replacement)
    {
        var text = Read(file);
        Assert.Contains(old, text);
        Write(file, text.Replace(old, replacement, StringComparison.Ordinal));
    }

    /// <summary>Gives the file the time of now, its content unchanged.</summary>
    public void Touch(string file) => File.SetLastWriteTimeUtc(PathOf(file), DateTime.UtcNow);

    public void SetEnvironment(string name, string value) => _environment[name] = value;

    /// <summary>The folder of a recipe below obj/compress, by the recipe's name.</summary>
    public string RecipeFolder(string name = "shop", string obj = "obj") => Directory.GetDirectories(PathOf($"{obj}/compress"), $"{name}-????????").Single();

    /// <summary>Builds; fails the test when the build fails.</summary>
    public BuildResult Build(params string[] arguments) => TryBuild(arguments).Succeeded();

    /// <summary>Builds, with a binary log.</summary>
    public BuildResult TryBuild(params string[] arguments)
    {
        var log = Path.Combine(_folder.Path, $"{++_builds}.binlog");
        string[] command = arguments is ["publish" or "pack" or "clean" or "msbuild", ..] ? arguments : ["build", .. arguments];
        string[] restore = _restored && command[0] is "publish" or "pack" or "build" ? ["--no-restore"] : [];
        var result = Run([.. command, .. restore, $"-bl:{log}", "-tl:off"], log);
        _restored |= result.ExitCode == 0 && command[0] != "msbuild";
        return result;
    }

    /// <summary>Runs dotnet.</summary>
    public BuildResult Run(params string[] arguments) => Run(arguments, null);

    public Process Start(params string[] arguments) => DotNet.Start(Root, _environment, arguments);

    public Process StartInGroup(params string[] arguments) => DotNet.Start("setsid", Root, _environment, ["--wait", DotNet.Host, .. arguments]);

    /// <summary>True when an up-to-date check finds nothing to do.</summary>
    public BuildResult Question(params string[] arguments) => Run(["build", "--no-restore", "-question", "-tl:off", .. arguments]);

    /// <summary>What the tool was called for since the last call of this method: plan shop, stage shop 01-prune, ...</summary>
    public string[] Calls()
    {
        string[] commands = ["plan ", "stage ", "finish "];
        return [.. CallsAndWork().Where(line => commands.Any(command => line.StartsWith(command, StringComparison.Ordinal)))];
    }

    /// <summary>Like <see cref="Calls"/>, with what the stages did.</summary>
    public string[] CallsAndWork()
    {
        var lines = ReadCallLog();
        File.Delete(CallLog);
        return lines;
    }

    /// <summary>The call log so far; the tool may be writing it.</summary>
    public string[] ReadCallLog()
    {
        if (!File.Exists(CallLog))
        {
            return [];
        }

        using var reader = new StreamReader(new FileStream(CallLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public void Dispose()
    {
        if (_pooled)
        {
            s_built.Add(_folder);
        }
        else
        {
            _folder.Dispose();
        }
    }

    /// <summary>Times are copied as well.</summary>
    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var folder in Directory.GetDirectories(from))
        {
            CopyFolder(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    private BuildResult Run(string[] arguments, string? binaryLog) => DotNet.Run(Root, _environment, binaryLog, arguments);
}
