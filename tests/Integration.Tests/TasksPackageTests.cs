using System.Xml.Linq;

namespace CompressTool.Integration.Tests;

[TestClass]
[TestCategory("Integration")]
public sealed class TasksPackageTests
{
    [TestMethod]
    public void The_package_holds_targets_tasks_and_the_tool_with_its_native_library()
    {
        using var package = Packages.Open("CompressTool.Tasks");
        string[] entries = [.. package.Entries.Select(entry => entry.FullName)];

        string[] expected =
        [
            "README.md",
            "build/CompressTool.Recipe.proj",
            "build/CompressTool.Tasks.Common.targets",
            "build/CompressTool.Tasks.props",
            "build/CompressTool.Tasks.targets",
            "buildMultiTargeting/CompressTool.Tasks.props",
            "buildMultiTargeting/CompressTool.Tasks.targets",
            "tasks/netstandard2.0/CompressTool.Tasks.dll",
            "tools/net10.0/dotnet-compress.deps.json",
            "tools/net10.0/dotnet-compress.dll",
            "tools/net10.0/dotnet-compress.runtimeconfig.json",
        ];
        CollectionAssert.IsSubsetOf(expected, entries);
        Assert.IsNotEmpty(entries.Where(entry => entry.StartsWith("tools/net10.0/runtimes/", StringComparison.Ordinal) && entry.Contains("/native/", StringComparison.Ordinal) && entry.Contains("onnxruntime", StringComparison.Ordinal)));
        Assert.IsEmpty(entries.Where(entry => entry.StartsWith("lib/", StringComparison.Ordinal)));
        Assert.IsEmpty(entries.Where(entry => entry.EndsWith(".pdb", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void The_package_is_a_development_dependency_without_dependencies()
    {
        using var package = Packages.Open("CompressTool.Tasks");
        using var stream = package.GetEntry("CompressTool.Tasks.nuspec")!.Open();
        var metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata");

        Assert.AreEqual("true", metadata.Elements().Single(element => element.Name.LocalName == "developmentDependency").Value);
        Assert.IsEmpty(metadata.Descendants().Where(element => element.Name.LocalName == "dependency"));
    }
}
