namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class ErrorTests
{
    [TestMethod]
    public void An_error_of_the_recipe_is_at_its_line_in_the_users_project_and_stops_before_the_compiler()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe + "plan-error: unknown criterion 'tayler'; did you mean 'taylor'?\n");
        app.Write("Program.cs", "this does not compile\n");

        var build = app.TryBuild().Failed();

        CollectionAssert.AreEqual((string[])["shop.compress.yml(6,13) CMP1004"], build.Errors());
        Assert.Contains($"{app.PathOf("shop.compress.yml")}(6,13,6,17): error CMP1004: unknown criterion 'tayler'; did you mean 'taylor'? [{app.PathOf("App.csproj")}]", build.Output);
        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls());

        app.TryBuild().Failed();
        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls(), "a failed plan must not count as done");
    }

    [TestMethod]
    public void A_warning_of_planning_stays_until_it_is_heeded_and_obeys_the_project()
    {
        using var app = Consumer.Built();
        string[] warning = ["shop.compress.yml(6,15) CMP1099"];
        app.Write("shop.compress.yml", Consumer.Recipe + "plan-warning: variable 'x' is not used\n");

        CollectionAssert.AreEqual(warning, app.Build().Warnings());
        app.Calls();
        CollectionAssert.AreEqual(warning, app.Build().Warnings());
        Assert.IsEmpty(app.Calls());
        CollectionAssert.AreEqual(warning, app.TryBuild("-p:WarningsAsErrors=CMP1099").Failed().Errors());
        Assert.IsEmpty(app.Build("-p:NoWarn=CMP1099").Warnings());

        app.Write("shop.compress.yml", Consumer.Recipe);
        Assert.IsEmpty(app.Build().Warnings());
    }

    [TestMethod]
    public void Errors_and_warnings_of_stages_and_gates_are_at_their_lines()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe + "  - warn: few layers\ngate: size 0.9 is above 0.5\n");

        var build = app.TryBuild().Failed();

        CollectionAssert.AreEqual((string[])["shop.compress.yml(6,5) CMP4002"], build.Warnings());
        CollectionAssert.AreEqual((string[])["shop.compress.yml(1,1) CMP5001"], build.Errors());
        Assert.AreEqual("weights\nprune=0.3\nquantize=fp16\n", app.Read("bin/Debug/net10.0/models/shop.onnx"), "a model that fails its gates is not published");
        app.Calls();

        app.TryBuild().Failed();
        CollectionAssert.AreEqual((string[])["finish shop"], app.Calls(), "a failed gate fails every build, and costs no stage");
    }

    [TestMethod]
    public void Lines_of_native_libraries_that_look_like_errors_do_not_fail_a_build()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe + "  - noise: bad\n");

        var build = app.Build();

        Assert.IsEmpty(build.Errors());
        Assert.Contains("{0} done: bad", build.Output);
    }

    [TestMethod]
    public void A_tool_that_crashes_is_an_error_with_a_code()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe + "  - crash: 134\n");

        var build = app.TryBuild().Failed();

        Assert.IsTrue(build.Errors().Single().EndsWith("CMP0008", StringComparison.Ordinal));
    }

    [TestMethod]
    public void An_error_of_the_compiler_comes_before_any_stage()
    {
        using var app = Consumer.App(program: "System.Console.WriteLine(CompressedModels.Shop.Paht);\n");

        var build = app.TryBuild().Failed();

        CollectionAssert.AreEqual((string[])["plan shop"], app.Calls());
        Assert.IsTrue(build.Errors().Single().EndsWith("CS0117", StringComparison.Ordinal));
    }

    [TestMethod]
    public void An_error_of_one_recipe_lets_the_others_finish()
    {
        using var app = Consumer.Built();
        app.Write("tiny.compress.yml", Consumer.Recipe + "  - fail: no\n");
        app.WriteApp(recipes: """<CompressRecipe Include="tiny.compress.yml;shop.compress.yml" />""");
        app.Replace("shop.compress.yml", "fp16", "int8");

        app.TryBuild().Failed();

        CollectionAssert.Contains(app.Calls(), "finish shop");
    }
}
