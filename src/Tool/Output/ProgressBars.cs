using Spectre.Console;
using Spectre.Console.Rendering;

namespace CompressTool.Tool.Output;

/// <summary>Bars on a terminal, one for each piece of work; they vanish when it is done.</summary>
internal sealed class ProgressBars : IDisposable
{
    private readonly TaskCompletionSource<ProgressContext> _started = new();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PaceColumn _rates = new((pace, total, unit) => pace.PerSecond is { } perSecond && unit is not null ? ProgressRate.Text(total * perSecond, unit) : "");
    private readonly PaceColumn _times = new((pace, _, _) => pace.Left is { } left ? Units.Duration(left) : "");
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
            _times);
        _display = Task.Run(() => progress.StartAsync(async context =>
        {
            _started.SetResult(context);
            await _done.Task.ConfigureAwait(false);
        }));
    }

    /// <summary>Shows a bar.</summary>
    /// <returns>The bar, and what the work's progress must be told to.</returns>
    public (ProgressTask Task, ProgressPace Pace) Add(string name, double total, string unit)
    {
        var task = _started.Task.GetAwaiter().GetResult().AddTask(Markup.Escape(name), maxValue: total > 0 ? total : 1);
        var pace = new ProgressPace(TimeProvider.System);
        _rates.Add(task, pace, total > 0 ? unit : null);
        _times.Add(task, pace, null);
        _tasks.Add(task);
        return (task, pace);
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

    /// <summary>A column of text that follows from the pace of a task.</summary>
    private sealed class PaceColumn(Func<ProgressPace, double, string?, string> text) : ProgressColumn
    {
        private readonly Dictionary<int, (ProgressPace Pace, string? Unit)> _tasks = [];

        protected override bool NoWrap => true;

        public void Add(ProgressTask task, ProgressPace pace, string? unit)
        {
            lock (_tasks)
            {
                _tasks[task.Id] = (pace, unit);
            }
        }

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            lock (_tasks)
            {
                return new Text(_tasks.TryGetValue(task.Id, out var known) ? text(known.Pace, task.MaxValue, known.Unit) : "");
            }
        }
    }
}
