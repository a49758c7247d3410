using System.IO.Compression;

namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class PublishTests
{
    private const string Model = "weights\nprune=0.3\nquantize=fp16\n";

    [TestMethod]
    public void Publish_takes_the_models_of_the_app_and_of_the_libraries_behind_it()
    {
        using var consumer = AppOverLibrary();

        consumer.TryBuild("publish", "App/App.csproj", "-o", consumer.PathOf("out")).Succeeded();

        Assert.AreEqual(Model, consumer.Read("out/models/shop.onnx"));
        Assert.AreEqual(Model, consumer.Read("out/models/tiny.onnx"));
        Assert.IsTrue(consumer.Exists("out/models/tiny.json"));
        CollectionAssert.AreEquivalent((string[])["plan shop", "plan tiny"], consumer.Calls().Where(call => call.StartsWith("plan", StringComparison.Ordinal)).ToArray());
    }

    [TestMethod]
    public void Publish_without_building_takes_the_models_that_are_there()
    {
        using var consumer = AppOverLibrary();
        consumer.Build("App/App.csproj");
        consumer.Calls();

        consumer.TryBuild("publish", "App/App.csproj", "--no-build", "-c", "Debug", "-o", consumer.PathOf("out")).Succeeded();

        Assert.IsEmpty(consumer.Calls());
        Assert.AreEqual(Model, consumer.Read("out/models/shop.onnx"));
        Assert.AreEqual(Model, consumer.Read("out/models/tiny.onnx"));
    }

    [TestMethod]
    public void Publish_without_building_says_when_a_model_has_not_been_made()
    {
        using var app = Consumer.Built();
        Directory.Delete(Path.Combine(app.RecipeFolder(), "artifacts"), recursive: true);

        var publish = app.TryBuild("publish", "--no-build", "-c", "Debug").Failed();

        CollectionAssert.AreEqual((string[])["App.csproj(0,0) CMP0003"], publish.Errors());
        Assert.IsEmpty(app.Calls());
    }

    [TestMethod]
    public void A_single_file_app_keeps_its_models_beside_it()
    {
        using var app = Consumer.App("<PropertyGroup><UseAppHost>true</UseAppHost></PropertyGroup>");

        app.TryBuild("publish", "--use-current-runtime", "--self-contained", "false", "-p:PublishSingleFile=true", "-o", app.PathOf("out")).Succeeded();

        Assert.AreEqual(Model, app.Read("out/models/shop.onnx"));
        Assert.IsFalse(app.Exists("out/App.dll"));
        using var process = DotNet.Start(app.PathOf("out/App"), app.Root, new Dictionary<string, string> { ["DOTNET_ROOT"] = DotNet.Root }, []);
        Assert.AreEqual(Model, DotNet.Wait(process, [], null).Output);
    }

    [TestMethod]
    public void Pack_leaves_models_out_by_default()
    {
        using var consumer = AppOverLibrary();

        consumer.TryBuild("pack", "Library/Library.csproj", "-o", consumer.PathOf("packages")).Succeeded();

        Assert.IsEmpty(Entries(consumer).Where(entry => entry.Contains("models", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Pack_with_models_gives_them_to_the_apps_that_install_the_package()
    {
        using var consumer = AppOverLibrary();
        consumer.WriteLibrary("Library", "net10.0;netstandard2.0", "<PropertyGroup><CompressPackArtifacts>true</CompressPackArtifacts></PropertyGroup>");

        consumer.TryBuild("pack", "Library/Library.csproj", "-o", consumer.PathOf("packages"), "-p:Version=1.2.3").Succeeded();

        CollectionAssert.AreEquivalent(
            (string[])["contentFiles/any/any/models/shop.json", "contentFiles/any/any/models/shop.onnx"],
            Entries(consumer).Where(entry => entry.Contains("models", StringComparison.Ordinal)).ToArray());

        consumer.Write("nuget.config", """
            <configuration>
              <config><add key="globalPackagesFolder" value="../installed" /></config>
              <packageSources><clear /><add key="local" value="packages" /></packageSources>
            </configuration>
            """);
        consumer.Write("User/User.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><PackageReference Include="Library" Version="1.2.3" /></ItemGroup>
            </Project>
            """);
        consumer.Write("User/Program.cs", "System.Console.Write(System.IO.File.ReadAllText(Models.Path));\n");
        consumer.Run("restore", "User/User.csproj").Succeeded();
        consumer.Build("User/User.csproj");
        Assert.AreEqual(Model, consumer.Run("exec", "User/bin/Debug/net10.0/User.dll").Succeeded().Output);
    }

    /// <summary>An app with the recipe tiny over a library with the recipe shop.</summary>
    private static Consumer AppOverLibrary()
    {
        var consumer = Consumer.Empty();
        consumer.Write("Library/model.txt", "weights\n");
        consumer.Write("Library/shop.compress.yml", Consumer.Recipe);
        consumer.Write("Library/Models.cs", "public static class Models { public static string Path => CompressedModels.Shop.Path; }\n");
        consumer.WriteLibrary("Library", "net10.0");
        consumer.Write("App/model.txt", "weights\n");
        consumer.Write("App/tiny.compress.yml", Consumer.Recipe);
        consumer.WriteReferencingApp("App", "../Library/Library.csproj", """<CompressRecipe Include="tiny.compress.yml" />""");
        return consumer;
    }

    private static string[] Entries(Consumer consumer)
    {
        using var package = ZipFile.OpenRead(Directory.GetFiles(consumer.PathOf("packages"), "*.nupkg").Single());
        return [.. package.Entries.Select(entry => entry.FullName)];
    }
}
