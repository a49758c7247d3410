using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Reports;
using CompressTool.Tool.Output;

namespace CompressTool.Tool.Tests.Output;

[TestClass]
public sealed class ConsoleTests
{
    private static readonly ErrorCode s_code = new("CMP1004", "", "");

    [TestMethod]
    public void Diagnostics_have_the_form_that_editors_know()
    {
        using var writer = new StringWriter();
        var console = new PlainConsole(writer, Verbosity.Quiet, TimeProvider.System);

        console.Error(s_code, "unknown\nword", new SourceLocation(Path.GetFullPath("a.compress.yml"), 9, 18));
        console.Warning(s_code, "odd");

        CollectionAssert.AreEqual(new[] { "a.compress.yml(9,18): error CMP1004: unknown word", "warning CMP1004: odd" }, Lines(writer));
        Assert.HasCount(1, console.Errors);
    }

    [TestMethod]
    public void Path_stays_full_where_the_relative_one_is_longer()
    {
        using var writer = new StringWriter();
        var file = Path.Combine(Path.GetPathRoot(Environment.CurrentDirectory)!, "a.yml");

        new PlainConsole(writer, Verbosity.Normal, TimeProvider.System).Error(s_code, "x", new SourceLocation(file, 1));

        Assert.AreEqual($"{file}(1): error CMP1004: x", Lines(writer).Single());
    }

    [TestMethod]
    [DataRow("Quiet", "")]
    [DataRow("Normal", "info")]
    [DataRow("Detailed", "info,detail")]
    public void Verbosity_decides_what_is_told(string verbosity, string expected)
    {
        using var writer = new StringWriter();
        var console = new PlainConsole(writer, Enum.Parse<Verbosity>(verbosity), TimeProvider.System);

        console.Info("info");
        console.Detail("detail");

        Assert.AreEqual(expected, string.Join(',', Lines(writer)));
    }

    [TestMethod]
    public void Progress_is_told_at_quarters_of_long_work_only()
    {
        var time = new ManualTime();
        var lines = new List<string>();
        using var progress = new ProgressLines(lines.Add, time, "prune", 100e6, "B");

        for (var i = 0; i <= 100; i++)
        {
            progress.Report(new(i / 100.0, $"layer{i}"));
            time.Now += TimeSpan.FromSeconds(0.1);
        }

        CollectionAssert.AreEqual(
            new[] { "prune: 25 %, 10.0 MB/s, 7.50 s left (layer25)", "prune: 50 %, 10.0 MB/s, 5.00 s left (layer50)", "prune: 75 %, 10.0 MB/s, 2.50 s left (layer75)" },
            lines);
    }

    [TestMethod]
    public void Progress_of_slow_work_is_told_now_and_then()
    {
        var time = new ManualTime();
        var lines = new List<string>();
        using var progress = new ProgressLines(lines.Add, time, "train", 1000, "steps");

        for (var i = 1; i <= 10; i++)
        {
            time.Now += TimeSpan.FromSeconds(10);
            progress.Report(new(i / 1000.0, ""));
        }

        Assert.HasCount(3, lines);
        Assert.AreEqual("train: 0 %, 0.10 steps/s, 2:46 h left", lines[0]);
    }

    [TestMethod]
    public void Progress_of_work_that_goes_on_in_the_middle_counts_only_what_this_run_has_done()
    {
        var time = new ManualTime();
        var lines = new List<string>();
        using var progress = new ProgressLines(lines.Add, time, "train", 0, "");

        for (var step = 801; step <= 1024; step++)
        {
            time.Now += TimeSpan.FromSeconds(1);
            progress.Report(new(step / 1024.0, ""));
        }

        // The first line tells of the first step alone, whose length says nothing yet.
        CollectionAssert.AreEqual(new[] { "train: 78 %, 3:42 min left", "train: 81 %, 3:12 min left" }, lines.Take(2).ToArray());
        Assert.AreEqual("train: 98 %, 12 s left", lines[^1]);
    }

    [TestMethod]
    public void Progress_of_short_work_is_silent()
    {
        var time = new ManualTime();
        var lines = new List<string>();
        using var progress = new ProgressLines(lines.Add, time, "fp16", 0, "");

        for (var i = 0; i <= 100; i++)
        {
            progress.Report(new(i / 100.0, ""));
            time.Now += TimeSpan.FromMilliseconds(10);
        }

        Assert.IsEmpty(lines);
    }

    [TestMethod]
    public void Table_aligns_its_columns()
    {
        using var writer = new StringWriter();
        var table = new TableWriter("name", ">size", "");
        table.Add("a", "1", "x");
        table.Add("longer", "1000", "");
        table.Write(writer, "  ");

        CollectionAssert.AreEqual(new[] { "  name    size", "  ------  ----  -", "  a          1  x", "  longer  1000" }, Lines(writer));
    }

    [TestMethod]
    [DataRow(0, "0 B")]
    [DataRow(999, "999 B")]
    [DataRow(1000, "1.00 kB")]
    [DataRow(99_950, "100 kB")]
    [DataRow(999_499, "999 kB")]
    [DataRow(999_500, "1.00 MB")]
    [DataRow(3_438_000_000, "3.44 GB")]
    public void Bytes_have_three_digits(double value, string expected)
    {
        Assert.AreEqual(expected, Units.Bytes(value));
    }

    [TestMethod]
    [DataRow(0, "0")]
    [DataRow(0.00123456, "0.00123")]
    [DataRow(45.678, "45.7")]
    [DataRow(12345.6, "12346")]
    [DataRow(1.234e-7, "1.23e-7")]
    [DataRow(double.PositiveInfinity, "infinite")]
    [DataRow(double.NaN, "NaN")]
    public void Numbers_have_three_digits(double value, string expected)
    {
        Assert.AreEqual(expected, Units.Significant(value));
    }

    [TestMethod]
    [DataRow(0.0012, "1.2 ms")]
    [DataRow(0.35, "0.35 s")]
    [DataRow(12.3, "12 s")]
    [DataRow(59.4, "59 s")]
    [DataRow(59.6, "1:00 min")]
    [DataRow(185, "3:05 min")]
    [DataRow(3599.7, "1:00 h")]
    [DataRow(7800, "2:10 h")]
    public void Durations_are_short(double seconds, string expected)
    {
        Assert.AreEqual(expected, Units.Duration(TimeSpan.FromSeconds(seconds)));
    }

    private static string[] Lines(StringWriter writer) => writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private sealed class ManualTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
