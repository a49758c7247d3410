using System.Reflection;
using System.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Documentation;

/// <summary>The reference of error codes, from the classes that declare them.</summary>
internal static class ErrorReference
{
    /// <summary>Writes docs/errors.md.</summary>
    /// <param name="roots">Assemblies that, with those they refer to, declare the codes.</param>
    public static string Write(IEnumerable<Assembly> roots)
    {
        var text = new StringBuilder(DocumentationWriter.Mark);
        text.Append("""
            # Errors and warnings

            Every error has a code, the place in the recipe or project where there is one, and says the way out:
            `shop.compress.yml(9,18): error CMP1004: unknown criterion 'tayler'; did you mean 'taylor'?`

            The ranges: CMP00xx the build (MSBuild), CMP10xx and CMP11xx recipes, CMP20xx model and tensor files, CMP30xx the runtime and
            the machine, CMP31xx the store, CMP40xx and CMP41xx stages, CMP50xx gates, CMP60xx the command line,
            CMP70xx training, CMP80xx to CMP83xx diffusion models.

            | Code | What is wrong | What to do |
            |---|---|---|

            """);
        foreach (var code in Codes(roots))
        {
            text.Append(null, $"| <a id=\"{code.Id.ToLowerInvariant()}\"></a>{code.Id} | {Markdown.Cell(code.Title)} | {Markdown.Cell(code.WayOut)} |\n");
        }

        return text.ToString();
    }

    /// <summary>The codes by number.</summary>
    /// <exception cref="InvalidOperationException">Two errors share a code: a mistake in the program.</exception>
    public static IReadOnlyList<ErrorCode> Codes(IEnumerable<Assembly> roots)
    {
        var codes = new SortedDictionary<string, ErrorCode>(StringComparer.Ordinal);
        var fields = from assembly in OwnAssemblies(roots)
                     from type in assembly.GetTypes()
                     where type.Name.EndsWith("Errors", StringComparison.Ordinal)
                     from field in type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
                     where field.FieldType == typeof(ErrorCode)
                     select (ErrorCode)field.GetValue(null)!;
        foreach (var code in fields)
        {
            if (!codes.TryAdd(code.Id, code))
            {
                throw new InvalidOperationException($"Two errors have the code {code.Id}: '{codes[code.Id].Title}' and '{code.Title}'.");
            }
        }

        return [.. codes.Values];
    }

    private static HashSet<Assembly> OwnAssemblies(IEnumerable<Assembly> roots)
    {
        var found = new HashSet<Assembly>();
        var open = new Stack<Assembly>(roots);
        while (open.TryPop(out var assembly))
        {
            if (found.Add(assembly))
            {
                foreach (var name in assembly.GetReferencedAssemblies().Where(name => name.Name!.StartsWith("CompressTool.", StringComparison.Ordinal)))
                {
                    open.Push(Assembly.Load(name));
                }
            }
        }

        return found;
    }
}
