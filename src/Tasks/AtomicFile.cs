using System.Text;

namespace CompressTool.Tasks;

/// <summary>Writes a text file as a whole and only when its text differs, as another build may be reading or writing it.</summary>
internal static class AtomicFile
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public static bool WriteIfDifferent(string path, string text)
    {
        if (Holds(path, text))
        {
            return false;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        File.WriteAllText(temporary, text, s_utf8);
        try
        {
            Replace(temporary, path, text);
        }
        finally
        {
            File.Delete(temporary);
        }

        return true;
    }

    /// <summary>There is no rename over an existing file in netstandard2.0, so the file may appear or vanish between two calls.</summary>
    private static void Replace(string temporary, string path, string text)
    {
        const int attempts = 10;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (File.Exists(path))
                {
                    File.Replace(temporary, path, destinationBackupFileName: null);
                }
                else
                {
                    File.Move(temporary, path);
                }

                return;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                if (Holds(path, text))
                {
                    return;
                }

                if (attempt == attempts)
                {
                    throw;
                }

                Thread.Sleep(20 * attempt);
            }
        }
    }

    private static bool Holds(string path, string text)
    {
        try
        {
            return File.Exists(path) && File.ReadAllText(path, s_utf8) == text;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
