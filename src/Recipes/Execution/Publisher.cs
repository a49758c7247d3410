using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Reports;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>A finished model in an output folder.</summary>
/// <param name="ModelPath">Full path of the model.</param>
/// <param name="ManifestPath">Full path of the manifest beside it.</param>
/// <param name="ReportPath">Full path of the report; null when the recipe asks for none.</param>
/// <param name="Files">All files, the model first, the manifest last.</param>
public sealed record PublishedModel(string ModelPath, string ManifestPath, string? ReportPath, IReadOnlyList<string> Files);

/// <summary>Puts finished models, each with a manifest, into an output folder.</summary>
public static class Publisher
{
    /// <summary>Writes every output of the recipe. Files are complete before they get their names; equal files are left, with a new time.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="artifact">What the last stage made.</param>
    /// <param name="gates">The verdicts.</param>
    /// <param name="report">What reports tell; null when the recipe asks for none.</param>
    /// <param name="folder">The output folder.</param>
    /// <param name="cancellationToken">Ends the work between files.</param>
    /// <exception cref="CompressToolException">The folder cannot be written, or the disk is full.</exception>
    public static IReadOnlyList<PublishedModel> Publish(Plan plan, Artifact artifact, IReadOnlyList<GateOutcome> gates, RecipeReport? report, string folder, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return [.. plan.Recipe.Outputs.Select(output => output.Format == OutputFormat.Diffusers
                ? DiffusersOutput.Publish(plan, artifact, gates, output, Path.GetFullPath(folder), cancellationToken)
                : PublishOne(plan, artifact, gates, report, Path.Combine(Path.GetFullPath(folder), output.FileName), cancellationToken))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException || (e is CompressToolException coded && coded.Code == OnnxErrors.WriteFailed))
        {
            throw DiskErrors.IsFull(e) ? DiskErrors.Full(folder, e)
                : new CompressToolException(StoreErrors.OutputUnusable, $"the output folder '{folder}' cannot be written: {e.Message}", inner: e);
        }
    }

    private static PublishedModel PublishOne(Plan plan, Artifact artifact, IReadOnlyList<GateOutcome> gates, RecipeReport? report, string path, CancellationToken cancellationToken)
    {
        var manifestPath = Path.ChangeExtension(path, ".json");
        var reportPath = report is null ? null : RecipeReport.FileName(path);
        var page = report?.Write(Path.GetFileName(path), cancellationToken);
        var dataPath = path + ".data";
        var wanted = Manifest.Write(plan, artifact, gates, Path.GetFileName(path));
        if (IsCurrent(manifestPath, wanted, artifact, path) && (reportPath is null || (File.Exists(reportPath) && File.ReadAllText(reportPath) == page)))
        {
            Touch([path, .. artifact.HasWeightFile ? [dataPath] : Array.Empty<string>(), .. reportPath is null ? [] : new[] { reportPath }, manifestPath]);
        }
        else
        {
            // The manifest goes first and comes last: while it is absent, nobody takes the model for the finished one.
            File.Delete(manifestPath);
            if (!artifact.HasWeightFile)
            {
                Copy(artifact.ModelPath, path, cancellationToken);
                File.Delete(dataPath);
            }
            else
            {
                // The name of the weight file stands in the model, so it is written anew.
                using var model = Model.Load(artifact.ModelPath);
                model.Save(path, new SaveOptions { ExternalData = ExternalDataMode.Always }, cancellationToken);
            }

            if (reportPath is not null)
            {
                AtomicFile.Write(reportPath, page!);
            }

            AtomicFile.Write(manifestPath, wanted);
        }

        string[] data = artifact.HasWeightFile ? [dataPath] : [];
        string[] pages = reportPath is null ? [] : [reportPath];
        return new PublishedModel(path, manifestPath, reportPath, [path, .. data, .. pages, manifestPath]);
    }

    private static bool IsCurrent(string manifestPath, string wanted, Artifact artifact, string path) =>
        File.Exists(manifestPath) && File.ReadAllText(manifestPath) == wanted
        && (artifact.HasWeightFile
            ? new FileInfo(path).Exists && new FileInfo(path + ".data") is { Exists: true } data && data.Length == artifact.ModelFiles.Last().Bytes
            : new FileInfo(path) is { Exists: true } info && info.Length == artifact.Bytes);

    private static void Touch(IEnumerable<string> paths)
    {
        var now = DateTime.UtcNow;
        foreach (var path in paths)
        {
            File.SetLastWriteTimeUtc(path, now);
        }
    }

    private static void Copy(string from, string to, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var temporary = $"{to}.{Environment.ProcessId:x}-{Guid.NewGuid():n}.tmp";
        try
        {
            File.Copy(from, temporary);
            File.SetLastWriteTimeUtc(temporary, DateTime.UtcNow);
            File.Move(temporary, to, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
