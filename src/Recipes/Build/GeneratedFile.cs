using System.Text;

namespace CompressTool.Recipes.Build;

/// <summary>
/// Writing of the small text files that a build compares by time: a file is replaced as a whole, and only when its text
/// differs, so that what depends on it runs again exactly when there is a reason.
/// </summary>
public static class GeneratedFile
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Writes the file when its text differs, with line feeds as line ends, in UTF-8 without byte order mark.</summary>
    /// <param name="path">The file; its folder is created.</param>
    /// <param name="text">The whole text.</param>
    /// <returns>True when the file was written.</returns>
    public static bool WriteIfDifferent(string path, string text)
    {
        text = text.ReplaceLineEndings("\n");
        if (Holds(path, text))
        {
            return false;
        }

        Replace(path, text);
        return true;
    }

    /// <summary>Writes the file in any case, so that it has a new time (a stamp).</summary>
    /// <param name="path">The file; its folder is created.</param>
    /// <param name="text">The whole text.</param>
    public static void Write(string path, string text) => Replace(path, text.ReplaceLineEndings("\n"));

    private static bool Holds(string path, string text)
    {
        try
        {
            return File.Exists(path) && File.ReadAllText(path, s_utf8) == text;
        }
        catch (IOException)
        {
            // Another build is replacing it just now.
            return false;
        }
    }

    private static void Replace(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                stream.Write(s_utf8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            Move(temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>A reader (another build, a virus scanner) may hold the old file for a moment on Windows.</summary>
    private static void Move(string temporary, string path)
    {
        const int attempts = 10;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                File.Move(temporary, path, overwrite: true);
                return;
            }
            catch (Exception error) when (attempt < attempts && error is IOException or UnauthorizedAccessException)
            {
                Thread.Sleep(20 * attempt);
            }
        }
    }
}
