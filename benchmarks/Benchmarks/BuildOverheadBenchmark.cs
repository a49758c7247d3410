using System.Globalization;

namespace CompressTool.Benchmarks;

/// <summary>What an up-to-date recipe adds to a build that has nothing to do.</summary>
internal sealed class BuildOverheadBenchmark : IBenchmark
{
    private const int Runs = 15;
    private const double Limit = 0.05;

    public string Name => "build";

    public string Description => "a no-op dotnet build of an app with an up-to-date recipe against the same app without, medians of alternating runs.";

    public void Run(BenchmarkContext context)
    {
        var with = Create(context, "with", "<CompressRecipe Include=\"m.compress.yml\" />");
        var without = Create(context, "without", "");
        Build(with);
        Build(without);
        var times = new List<double>[] { [], [] };
        for (var i = 0; i < Runs; i++)
        {
            times[0].Add(Build(with));
            times[1].Add(Build(without));
        }

        var (slow, fast) = (Median(times[0]), Median(times[1]));
        var overhead = (slow / fast) - 1;
        context.Judge("no-op build", string.Create(CultureInfo.InvariantCulture, $"{slow * 1000:0} ms against {fast * 1000:0} ms, {overhead * 100:+0.0;-0.0} %"), overhead <= Limit, "+5 %");
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    private static double Build(string folder) => Measure.Process("dotnet", folder, "build", "--no-restore", "-v", "q", "-tl:off").Seconds;

    private static string Create(BenchmarkContext context, string name, string item)
    {
        var folder = Directory.CreateDirectory(context.File(name)).FullName;
        var root = Program.RepositoryRoot;
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        File.Copy(Path.Combine(root, "tests", "fixtures", "unet2d-cifarstyle", "model_op14.onnx"), Path.Combine(folder, "m.onnx"));
        File.WriteAllText(Path.Combine(folder, "m.compress.yml"), "version: 1\nmodel: m.onnx\nstages:\n  - prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% } }\n");
        File.WriteAllText(Path.Combine(folder, "Program.cs"), "System.Console.WriteLine();\n");
        File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), "<Project />\n");
        File.WriteAllText(Path.Combine(folder, name + ".csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <CompressTasksAssembly>{root}src/Tasks/bin/{configuration}/netstandard2.0/CompressTool.Tasks.dll</CompressTasksAssembly>
                <CompressToolPath>{AppContext.BaseDirectory}dotnet-compress.dll</CompressToolPath>
              </PropertyGroup>
              <Import Project="{root}src/Tasks/build/CompressTool.Tasks.props" Condition="'{item.Length}' != '0'" />
              <ItemGroup>{item}</ItemGroup>
              <Import Project="{root}src/Tasks/build/CompressTool.Tasks.targets" Condition="'{item.Length}' != '0'" />
            </Project>
            """);
        Measure.Process("dotnet", folder, "restore");
        return folder;
    }
}
