using System.Text;

namespace CompressTool.Diffusion.Text;

/// <summary>
/// A visible character for each byte, so that byte-pair encodings can be written as text (Radford et al. 2019): printable bytes
/// of Latin-1 stand for themselves, the others for the characters from U+0100 on.
/// </summary>
internal static class ByteAlphabet
{
    /// <summary>The character of each byte.</summary>
    public static IReadOnlyList<char> Characters { get; } = Create();

    /// <summary>A text as one character for each byte of its UTF-8.</summary>
    public static string Encode(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(part => Characters[part]));

    private static char[] Create()
    {
        var characters = new char[256];
        var next = (char)0x100;
        for (var value = 0; value < characters.Length; value++)
        {
            characters[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)value : next++;
        }

        return characters;
    }
}
