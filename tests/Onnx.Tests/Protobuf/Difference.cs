using System.Collections;
using Google.Protobuf;

namespace CompressTool.Onnx.Tests.Protobuf;

/// <summary>Says where two messages differ, which their whole text would hide.</summary>
internal static class Difference
{
    /// <summary>The path of the first difference and both values; null when the messages are equal.</summary>
    public static string? Find(IMessage expected, IMessage actual)
    {
        if (expected.Equals(actual))
        {
            return null;
        }

        foreach (var field in expected.Descriptor.Fields.InDeclarationOrder())
        {
            var (a, b) = (Items(field.Accessor.GetValue(expected)), Items(field.Accessor.GetValue(actual)));
            var isPresenceDifferent = field.HasPresence && field.Accessor.HasValue(expected) != field.Accessor.HasValue(actual);
            for (var index = 0; index < Math.Max(a.Count, b.Count) || isPresenceDifferent; index++)
            {
                var (left, right) = (index < a.Count ? a[index] : null, index < b.Count ? b[index] : null);
                var difference = left is IMessage x && right is IMessage y ? Find(x, y)
                    : Equals(left, right) && !isPresenceDifferent ? null : $" expected {Text(left)}, actual {Text(right)}{(isPresenceDifferent ? " (presence)" : "")}";
                if (difference is not null)
                {
                    return $".{field.Name}{(field.IsRepeated ? $"[{index}]" : "")}{difference}";
                }
            }
        }

        return " unknown fields differ";
    }

    private static IList Items(object? value) => value as IList ?? (value is null ? Array.Empty<object>() : new[] { value });

    private static string Text(object? value) => value?.ToString() is { } text ? text[..Math.Min(300, text.Length)] : "nothing";
}
