using System.Globalization;
using System.Text;

namespace CompressTool.Recipes.Build;

/// <summary>Makes C# identifiers from names of recipes and tensors.</summary>
internal static class Identifiers
{
    private static readonly HashSet<string> s_keywords = new(StringComparer.Ordinal)
    {
        "abstract", "as", "base", "bool", "break", "byte", "case", "catch", "char", "checked", "class", "const", "continue", "decimal",
        "default", "delegate", "do", "double", "else", "enum", "event", "explicit", "extern", "false", "finally", "fixed", "float", "for",
        "foreach", "goto", "if", "implicit", "in", "int", "interface", "internal", "is", "lock", "long", "namespace", "new", "null", "object",
        "operator", "out", "override", "params", "private", "protected", "public", "readonly", "ref", "return", "sbyte", "sealed", "short",
        "sizeof", "stackalloc", "static", "string", "struct", "switch", "this", "throw", "true", "try", "typeof", "uint", "ulong", "unchecked",
        "unsafe", "ushort", "using", "virtual", "void", "volatile", "while",
    };

    /// <summary>A name in Pascal case: <c>encoder_hidden-states</c> becomes <c>EncoderHiddenStates</c>, <c>2d</c> becomes <c>_2d</c>.</summary>
    public static string Pascal(string name)
    {
        var result = new StringBuilder(name.Length + 1);
        var start = true;
        foreach (var c in name)
        {
            if (!IsPart(c))
            {
                start = true;
                continue;
            }

            result.Append(start ? char.ToUpperInvariant(c) : c);
            start = false;
        }

        if (result.Length == 0 || !IsStart(result[0]))
        {
            result.Insert(0, '_');
        }

        // Pascal case leaves no keyword but one whose first letter has no upper case; there is none.
        return result.ToString();
    }

    /// <summary>A namespace with every part made valid and its case kept; <c>CompressedModels</c> when nothing is left.</summary>
    public static string Namespace(string name)
    {
        var parts = name.Split('.', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(NamespacePart);
        return string.Join('.', parts) is { Length: > 0 } valid ? valid : "CompressedModels";
    }

    private static string NamespacePart(string part)
    {
        var valid = string.Concat(part.TrimStart('@').Select(c => IsPart(c) || c == '_' ? c : '_'));
        if (valid.Length == 0 || !(IsStart(valid[0]) || valid[0] == '_'))
        {
            valid = "_" + valid;
        }

        return s_keywords.Contains(valid) ? "@" + valid : valid;
    }

    private static bool IsPart(char c) => IsStart(c) || char.GetUnicodeCategory(c) == UnicodeCategory.DecimalDigitNumber;

    private static bool IsStart(char c) => char.IsLetter(c) && !char.IsSurrogate(c);
}
