using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace CompressTool.Tasks;

/// <summary>Logs what <see cref="CompressPlan"/> and <see cref="CompressArguments"/> have to say, from the project that includes the recipes.</summary>
public sealed class CompressReport : Task
{
    /// <summary>The errors, as items.</summary>
    public ITaskItem[] Diagnostics { get; set; } = [];

    /// <summary>The files that hold the warnings.</summary>
    public string[] WarningsFiles { get; set; } = [];

    /// <inheritdoc/>
    public override bool Execute()
    {
        var warnings = WarningsFiles.SelectMany(File.ReadAllLines).Select(ToolDiagnostic.FromJson).OfType<ToolDiagnostic>();
        foreach (var diagnostic in warnings.Concat(Diagnostics.Select(ToolDiagnostic.FromItem)))
        {
            diagnostic.Log(Log);
        }

        return !Log.HasLoggedErrors;
    }
}
