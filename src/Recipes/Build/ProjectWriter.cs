using System.Text;

namespace CompressTool.Recipes.Build;

/// <summary>
/// Writes the MSBuild project of one recipe: one target per stage, named after it (loggers show it with a running time), each
/// with inputs and outputs, so that MSBuild runs what is out of date and nothing else. It needs no SDK and imports
/// nothing of the user's, which keeps its evaluation at milliseconds.
/// </summary>
/// <remarks>
/// The project that includes the recipe calls it with three global properties: <c>CompressTasksTargets</c> (the file that
/// declares the tasks), <c>CompressToolPath</c> and <c>CompressToolDotNetHost</c>. So no path of the tool is in its text, and
/// moving the package cache runs nothing again.
/// </remarks>
public static class ProjectWriter
{
    private const string Here = "$(MSBuildProjectDirectory)/";

    /// <summary>Writes the project and the <c>.args</c> files into the folder, each only when its text differs.</summary>
    /// <returns>Full path of the project.</returns>
    public static string Write(ProjectPlan plan)
    {
        // The arguments first: a project must never be seen before the files its targets depend on.
        foreach (var stage in plan.Stages)
        {
            GeneratedFile.WriteIfDifferent(Path.Combine(plan.Folder, stage.Id + ".args"), stage.ArgsText);
        }

        GeneratedFile.WriteIfDifferent(Path.Combine(plan.Folder, "finish.args"), plan.FinishArgsText);
        var project = Path.Combine(plan.Folder, plan.Name + ".proj");
        GeneratedFile.WriteIfDifferent(project, Render(plan));
        return project;
    }

    /// <summary>The text of the project.</summary>
    /// <exception cref="ArgumentException">An id occurs twice, cannot name a file, or <see cref="ProjectStage.After"/> names no earlier stage.</exception>
    public static string Render(ProjectPlan plan)
    {
        Validate(plan);
        var text = new StringBuilder();
        text.Append($"""
            <!-- Made from {MSBuildText.Comment(plan.RecipeFileName)} by CompressTool. Changes to this file are lost. It is built by the project that includes the recipe. -->
            <Project DefaultTargets="Build">

              <Import Project="$(CompressTasksTargets)" />


            """);

        for (var i = 0; i < plan.Stages.Count; i++)
        {
            AppendStage(text, plan.Stages[i], Predecessors(plan, i));
        }

        AppendFinish(text, plan);
        return text.ToString().ReplaceLineEndings("\n");
    }

    /// <summary>The name of a stage's target, e.g. <c>Stage02_distill_steps</c> for <c>02-distill-steps</c>.</summary>
    public static string TargetName(string stageId) =>
        "Stage" + string.Concat(stageId.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    private static void AppendStage(StringBuilder text, ProjectStage stage, IEnumerable<string> after)
    {
        var target = TargetName(stage.Id);
        var inputs = after.Select(id => $"{Here}{id}.stamp")
            .Append($"{Here}{stage.Id}.args")
            .Concat(stage.Inputs.Select(MSBuildText.Attribute))
            .Append($"@({target}_Dependency)");
        text.Append($"""
              <Target Name="_{target}_Inputs">
                <ReadLinesFromFile File="{Here}{stage.Id}.d">
                  <Output TaskParameter="Lines" ItemName="{target}_Dependency" />
                </ReadLinesFromFile>
              </Target>

              <Target Name="{target}" DependsOnTargets="{string.Join(';', after.Select(TargetName).Append($"_{target}_Inputs"))}"
                      Inputs="{string.Join(';', inputs)}"
                      Outputs="{Here}{stage.Id}.stamp">
                <CompressStage ToolAssembly="$(CompressToolPath)" DotNetHost="$(CompressToolDotNetHost)" Folder="{Here}" Stage="{stage.Id}" />
              </Target>


            """);
    }

    private static void AppendFinish(StringBuilder text, ProjectPlan plan)
    {
        var inputs = plan.Stages.Select(stage => $"{Here}{stage.Id}.stamp")
            .Append($"{Here}finish.args")
            .Concat(plan.FinishInputs.Select(MSBuildText.Attribute))
            .Append("@(Finish_Dependency)");
        var artifacts = string.Join(';', plan.Artifacts.Select(artifact => Here + MSBuildText.Attribute(artifact)));

        var reports = string.Concat(plan.Artifacts.Where(artifact => artifact.EndsWith(".html", StringComparison.Ordinal)).Select(artifact =>
            $"\n    <Message Importance=\"high\" Text=\"$(MSBuildProjectName) report -&gt; {Here}{MSBuildText.Attribute(artifact)}\" />"));

        // Only the stamp is an output: an artifact whose content did not change keeps its time. A missing artifact is made an
        // input instead, because MSBuild runs a target whose input is missing.
        text.Append($"""
              <Target Name="_Finish_Inputs">
                <ReadLinesFromFile File="{Here}finish.d">
                  <Output TaskParameter="Lines" ItemName="Finish_Dependency" />
                </ReadLinesFromFile>
                <ItemGroup>
                  <Finish_Artifact Include="{artifacts}" />
                  <Finish_Dependency Include="@(Finish_Artifact)" Condition="!Exists('%(Finish_Artifact.FullPath)')" />
                </ItemGroup>
              </Target>

              <Target Name="Finish" DependsOnTargets="{string.Join(';', plan.Stages.Select(stage => TargetName(stage.Id)).Append("_Finish_Inputs"))}"
                      Inputs="{string.Join(';', inputs)}"
                      Outputs="{Here}finish.stamp">
                <CompressFinish ToolAssembly="$(CompressToolPath)" DotNetHost="$(CompressToolDotNetHost)" Folder="{Here}" />
              </Target>

              <Target Name="Build" DependsOnTargets="Finish">
                <Message Importance="high" Text="$(MSBuildProjectName) -&gt; {Here}{MSBuildText.Attribute(plan.Artifacts[0])}" />{reports}
              </Target>

            </Project>

            """);
    }

    private static IReadOnlyList<string> Predecessors(ProjectPlan plan, int index) =>
        plan.Stages[index].After ?? (index == 0 ? [] : [plan.Stages[index - 1].Id]);

    private static void Validate(ProjectPlan plan)
    {
        ArgumentException.ThrowIfNullOrEmpty(plan.Name);
        ArgumentOutOfRangeException.ThrowIfZero(plan.Artifacts.Count, nameof(plan));
        var targets = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < plan.Stages.Count; i++)
        {
            var id = plan.Stages[i].Id;
            if (id.Length == 0 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            {
                throw new ArgumentException($"'{id}' cannot name the files of a stage.", nameof(plan));
            }

            if (!targets.Add(TargetName(id)))
            {
                throw new ArgumentException($"Two stages are called '{id}'.", nameof(plan));
            }

            if (Predecessors(plan, i).FirstOrDefault(before => !ids.Contains(before)) is { } unknown)
            {
                throw new ArgumentException($"Stage '{id}' comes after '{unknown}', which is no earlier stage.", nameof(plan));
            }

            ids.Add(id);
        }
    }
}
