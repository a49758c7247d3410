namespace CompressTool.FakeTool;

/// <summary>Tells the tests what was called, in the file named by FAKE_TOOL_LOG.</summary>
internal static class CallLog
{
    public static void Write(string line)
    {
        if (Environment.GetEnvironmentVariable("FAKE_TOOL_LOG") is not { Length: > 0 } path)
        {
            return;
        }

        for (; ; )
        {
            try
            {
                using var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
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
