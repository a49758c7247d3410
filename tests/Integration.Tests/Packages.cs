using System.IO.Compression;
using System.Runtime.InteropServices;

namespace CompressTool.Integration.Tests;

/// <summary>
/// All packages of the repository, packed once into a folder of their own under a version that no cache has seen, and a package
/// folder that only these tests use.
/// </summary>
[TestClass]
public static class Packages
{
    private static readonly Lock s_installing = new();

    private static TempFolder? s_folder;

    /// <summary>The version of all of them.</summary>
    public static string Version { get; } = $"0.1.0-test.{DateTime.UtcNow.Ticks}";

    /// <summary>The folder that holds the .nupkg files.</summary>
    public static string Feed => Path.Combine(s_folder!.Path, "feed");

    /// <summary>The folder that packages are unpacked into.</summary>
    public static string Installed => Path.Combine(s_folder!.Path, "installed");

    /// <summary>Packs. Only the version of the packages is set: that of the assemblies would compile everything again.</summary>
    [AssemblyInitialize]
    public static void Pack(TestContext context)
    {
        s_folder = new TempFolder();
        var project = s_folder.Write("pack.proj", $"""
            <Project>
              <ItemGroup>
                <Source Include="{Repository.Root}src/*/*.csproj" />
                <Template Include="{Repository.Root}templates/*.csproj" />
              </ItemGroup>
              <Target Name="Pack">
                <MSBuild Projects="@(Source)" Targets="Pack" BuildInParallel="true" Properties="Configuration=Release;PackageOutputPath={Feed};PackageVersion={Version};CompressToolRids={RuntimeInformation.RuntimeIdentifier}" />
                <MSBuild Projects="@(Template)" Targets="Restore;Pack" BuildInParallel="true" Properties="Configuration=Release;PackageOutputPath={Feed};Version={Version}" />
              </Target>
            </Project>
            """);
        using var folder = new ProjectFolder(new TempFolder());
        var pack = folder.Run("msbuild", project, "-t:Pack", "-m", "-nologo", "-v:m", "-tl:off").Succeeded();
        context.WriteLine(pack.Output);
    }

    [AssemblyCleanup]
    public static void Delete() => s_folder?.Dispose();

    /// <summary>Opens a package.</summary>
    public static ZipArchive Open(string id) => ZipFile.OpenRead(Path.Combine(Feed, $"{id}.{Version}.nupkg"));

    /// <summary>A folder whose projects see the packages; builds in it use <see cref="Installed"/>.</summary>
    public static ProjectFolder NewFolder()
    {
        var folder = new ProjectFolder(new TempFolder());
        folder.Environment["NUGET_PACKAGES"] = Installed;
        folder.Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <add key="packed" value="{Feed}" />
              </packageSources>
            </configuration>
            """);
        folder.Write(".editorconfig", "root = true\n");
        folder.Write("Directory.Build.props", """
            <Project>
              <PropertyGroup>
                <NuGetAudit>false</NuGetAudit>
                <UseSharedCompilation>true</UseSharedCompilation>
              </PropertyGroup>
            </Project>
            """);
        return folder;
    }

    /// <summary>Installs the tool for a folder. One after the other: unlike restore, this unpacks into <see cref="Installed"/> without a lock.</summary>
    public static void InstallTool(ProjectFolder folder)
    {
        folder.Run("new", "tool-manifest").Succeeded();
        lock (s_installing)
        {
            folder.Run("tool", "install", "CompressTool", "--version", Version).Succeeded();
        }
    }
}
