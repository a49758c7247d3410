namespace CompressTool.Tool.Output;

/// <summary>Writes a table in plain characters, which reads well on a terminal and in a log.</summary>
internal sealed class TableWriter
{
    private readonly (string Title, bool Right)[] _columns;
    private readonly List<string[]> _rows = [];

    /// <summary>Starts a table.</summary>
    /// <param name="columns">The titles; a leading <c>&gt;</c> aligns the column to the right.</param>
    public TableWriter(params string[] columns)
    {
        _columns = [.. columns.Select(title => (title.TrimStart('>'), title.StartsWith('>')))];
    }

    /// <summary>Adds a row.</summary>
    public void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, _columns.Length);
        _rows.Add(cells);
    }

    /// <summary>Writes the table: a line of titles when there are any, then the rows.</summary>
    public void Write(TextWriter output, string indent = "")
    {
        var widths = _columns.Select((column, i) => _rows.Select(row => row[i].Length).Append(column.Title.Length).Max()).ToArray();
        if (_columns.Any(column => column.Title.Length > 0))
        {
            WriteRow([.. _columns.Select(column => column.Title)]);
            WriteRow([.. widths.Select(width => new string('-', width))]);
        }

        foreach (var row in _rows)
        {
            WriteRow(row);
        }

        void WriteRow(string[] cells)
        {
            var aligned = cells.Select((cell, i) => _columns[i].Right ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
            output.WriteLine((indent + string.Join("  ", aligned)).TrimEnd());
        }
    }
}
