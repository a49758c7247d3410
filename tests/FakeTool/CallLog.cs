namespace CompressTool.FakeTool;

/// <summary>Tells the tests what was called: in the file named by FAKE_TOOL_LOG, or in calls.log beside the plan.</summary>
internal static class CallLog
{
    private static string s_path = string.Empty;

    public static void Open(string folder) =>
        s_path = Environment.GetEnvironmentVariable("FAKE_TOOL_LOG") is { Length: > 0 } path ? path : Path.Combine(folder, "calls.log");

    public static void Write(string line)
    {
        for (; ; )
        {
            try
            {
                using var stream = new FileStream(s_path, FileMode.Append, FileAccess.Write, FileShare.Read);
                stream.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
                return;
            }
            catch (IOException)
            {
                Thread.Sleep(5);
            }
        }
    }
}
