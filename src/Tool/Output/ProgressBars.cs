using Spectre.Console;
using Spectre.Console.Rendering;

namespace CompressTool.Tool.Output;

/// <summary>Bars on a terminal, one for each piece of work; they vanish when it is done.</summary>
internal sealed class ProgressBars : IDisposable
{
    private readonly TaskCompletionSource<ProgressContext> _started = new();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RateColumn _rates = new();
    private readonly HashSet<ProgressTask> _tasks = [];
    private readonly Task _display;

    /// <summary>Starts the display.</summary>
    public ProgressBars(IAnsiConsole console)
    {
        var progress = console.Progress().AutoClear(true).HideCompleted(true).Columns(
            new TaskDescriptionColumn { Alignment = Justify.Left },
            new ProgressBarColumn(),
            new PercentageColumn(),
            _rates,
            new RemainingTimeColumn());
        _display = Task.Run(() => progress.StartAsync(async context =>
        {
            _started.SetResult(context);
            await _done.Task.ConfigureAwait(false);
        }));
    }

    /// <summary>Shows a bar.</summary>
    public ProgressTask Add(string name, double total, string unit)
    {
        var task = _started.Task.GetAwaiter().GetResult().AddTask(Markup.Escape(name), maxValue: total > 0 ? total : 1);
        _rates.SetUnit(task, total > 0 ? unit : null);
        _tasks.Add(task);
        return task;
    }

    /// <summary>Removes a bar.</summary>
    /// <returns>True when it was the last one.</returns>
    public bool Remove(ProgressTask task)
    {
        task.StopTask();
        task.Value = task.MaxValue;
        _tasks.Remove(task);
        return _tasks.Count == 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _done.TrySetResult();
        _display.GetAwaiter().GetResult();
    }

    private sealed class RateColumn : ProgressColumn
    {
        private readonly Dictionary<int, string> _units = [];

        protected override bool NoWrap => true;

        public void SetUnit(ProgressTask task, string? unit)
        {
            lock (_units)
            {
                if (unit is not null)
                {
                    _units[task.Id] = unit;
                }
            }
        }

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            lock (_units)
            {
                return new Text(_units.TryGetValue(task.Id, out var unit) && task.Speed is { } speed ? ProgressRate.Text(speed, unit) : "");
            }
        }
    }
}
