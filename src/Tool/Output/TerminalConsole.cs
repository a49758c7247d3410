using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;
using Spectre.Console;
using Spectre.Console.Advanced;

namespace CompressTool.Tool.Output;

/// <summary>Colours and live progress bars, for a terminal that somebody looks at.</summary>
internal sealed class TerminalConsole : ToolConsole
{
    private const string Red = "\u001b[31m";
    private const string Yellow = "\u001b[33m";
    private const string Gray = "\u001b[90m";
    private const string Reset = "\u001b[0m";

    private readonly IAnsiConsole _console;
    private readonly bool _color;
    private readonly Lock _lock = new();
    private ProgressBars? _bars;

    private TerminalConsole(IAnsiConsole console, Verbosity verbosity, bool color)
        : base(verbosity)
    {
        _console = console;
        _color = color;
    }

    /// <summary>A console on a terminal; null when the terminal understands no control sequences.</summary>
    public static TerminalConsole? TryCreate(TextWriter error, Verbosity verbosity, bool color)
    {
        // Spectre's own detection looks at standard output, which may be a pipe while somebody reads standard error.
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Detect,
            ColorSystem = color ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(error),
        });
        return console.Profile.Capabilities.Ansi || !OperatingSystem.IsWindows() ? new TerminalConsole(console, verbosity, color) : null;
    }

    /// <inheritdoc/>
    public override IStageDisplay StartProgress(string name, double total = 0, string unit = "")
    {
        if (Verbosity == Verbosity.Quiet)
        {
            return new Nothing();
        }

        lock (_lock)
        {
            _bars ??= new ProgressBars(_console);
            var (task, pace) = _bars.Add(name, total, unit);
            return new Bar(this, task, pace);
        }
    }

    /// <inheritdoc/>
    protected override void WriteText(string text, Verbosity level) => WriteLine(level == Verbosity.Detailed ? Gray : "", text);

    /// <inheritdoc/>
    protected override void WriteDiagnostic(bool isError, ErrorCode code, string message, SourceLocation? location) =>
        WriteLine(isError ? Red : Yellow, Canonical(isError, code, message, location));

    // Not as Spectre text, which would break long lines at words: places in files must stay clickable. Through its
    // console all the same, which knows how to write above the bars.
    private void WriteLine(string color, string text) =>
        _console.WriteAnsi(_color && color.Length > 0 ? $"{color}{text}{Reset}\n" : text + "\n");

    private void Remove(ProgressTask task)
    {
        lock (_lock)
        {
            if (_bars!.Remove(task))
            {
                _bars.Dispose();
                _bars = null;
            }
        }
    }

    private sealed class Bar(TerminalConsole console, ProgressTask task, ProgressPace pace) : IStageDisplay
    {
        private bool _disposed;

        public void Report(StageProgress value)
        {
            pace.Add(value.Fraction);
            task.Value = value.Fraction * task.MaxValue;
        }

        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                console.Remove(task);
            }
        }
    }

    private sealed class Nothing : IStageDisplay
    {
        public void Report(StageProgress value)
        {
        }

        public void Dispose()
        {
        }
    }
}
