using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace CompressTool.Tasks;

/// <summary>Logs diagnostics that another project has collected.</summary>
public sealed class CompressReport : Task
{
    /// <summary>The diagnostics of <see cref="CompressPlan"/> and <see cref="CompressArguments"/>.</summary>
    [Required]
    public ITaskItem[] Diagnostics { get; set; } = [];

    /// <inheritdoc/>
    public override bool Execute()
    {
        foreach (var item in Diagnostics)
        {
            ToolDiagnostic.FromItem(item).Log(Log);
        }

        return !Log.HasLoggedErrors;
    }
}
