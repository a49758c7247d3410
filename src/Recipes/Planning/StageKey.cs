using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Planning;

/// <summary>Keys: a hash over everything a result depends on, and over nothing else.</summary>
public static class StageKey
{
    /// <summary>Raised when the layout of artifacts or the meaning of ingredients changes.</summary>
    internal const int Format = 1;

    /// <summary>The key of some ingredients, whose order is part of it.</summary>
    public static string Of(JsonObject ingredients) => Hash(JsonText.Compact(ingredients));

    /// <summary>SHA-256 of a text, lower-case hexadecimal.</summary>
    internal static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
