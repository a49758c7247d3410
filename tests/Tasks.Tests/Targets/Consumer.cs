using System.Collections.Concurrent;
using System.Reflection;

namespace CompressTool.Tasks.Tests.Targets;

/// <summary>
/// A folder with projects that use the package as its users do, except that props and targets come from the source tree and the
/// tool is the fake one. By default it holds App.csproj with shop.compress.yml, two stages over model.txt.
/// </summary>
internal sealed class Consumer : ProjectFolder
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

    private readonly bool _pooled;

    private Consumer(TempFolder folder, string subfolder = "src", bool pooled = false)
        : base(folder, subfolder)
    {
        _pooled = pooled;
        CallLog = Path.Combine(folder.Path, "calls.log");
        Environment["FAKE_TOOL_LOG"] = CallLog;
    }

    public string CallLog { get; }

    public static string FakeTool => s_fakeTool;

    /// <summary>A folder without projects.</summary>
    public static Consumer Empty(string subfolder = "src")
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

        var consumer = new Consumer(folder, pooled: true) { Restored = true };
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
    public static Consumer App(string project = "", string recipe = Recipe, string program = "", string subfolder = "src")
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

    /// <inheritdoc/>
    protected override void Release(TempFolder folder)
    {
        if (_pooled)
        {
            s_built.Add(folder);
        }
        else
        {
            folder.Dispose();
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
}
