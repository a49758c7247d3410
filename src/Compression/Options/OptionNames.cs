using System.Reflection;
using System.Text;

namespace CompressTool.Compression.Options;

/// <summary>How names of C# are spelled in recipes, reports and JSON.</summary>
public static class OptionNames
{
    /// <summary>The spelling of a name: <c>BlockSize</c> is <c>block-size</c>, <c>Int8Dynamic</c> is <c>int8-dynamic</c>.</summary>
    public static string Kebab(string name)
    {
        var builder = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            var startsWord = i > 0 && char.IsUpper(name[i]) && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            builder.Append(startsWord ? "-" : "").Append(char.ToLowerInvariant(name[i]));
        }

        return builder.ToString();
    }

    /// <summary>The spelling of an enum's member: what <see cref="OptionNameAttribute"/> says, or else kebab-case.</summary>
    public static string Of(Enum member)
    {
        var name = member.ToString();
        return member.GetType().GetField(name)?.GetCustomAttribute<OptionNameAttribute>()?.Name ?? Kebab(name);
    }
}
