using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that write elements by index: in place of what is there, or reduced with it.</summary>
internal static class Scattering
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["ScatterElements"] = n => By(n, "ScatterElements", "GatherElements", Attribute.Int("axis", n.Int("axis", 0))),
        ["ScatterND"] = n => By(n, "ScatterND", "GatherND"),
    };

    private static IEnumerable<Expr?> By(GradientContext n, string scatter, string gather, params Attribute[] attributes)
    {
        Expr Write(Expr into, Expr updates, string reduction) =>
            n.Builder.Node(scatter, [into, n[1], updates], reduction == "none" ? attributes : [.. attributes, Attribute.String("reduction", reduction)]);
        Expr Read(Expr from) => n.Builder.Node(gather, [from, n[1]], attributes);
        return n.Text("reduction", "none") switch
        {
            "none" => [Write(n.Gradient, n[2].ZerosLike(), "none"), null, n.Wants(2) ? Read(n.Gradient) : null],
            "add" => [n.Gradient, null, n.Wants(2) ? Read(n.Gradient) : null],
            "mul" => Product(n, Write, Read),
            "max" or "min" => Extreme(n, Write, Read),
            var reduction => throw n.Unsupported($"reduction '{reduction}'"),
        };
    }

    /// <summary>Each factor gets the product of the others, also where factors are zero.</summary>
    private static IEnumerable<Expr?> Product(GradientContext n, Func<Expr, Expr, string, Expr> write, Func<Expr, Expr> read)
    {
        var (x, updates) = (n[0], n[2]);
        Expr Ones() => n.Builder.Full(1, x.Type, x.Dims);
        yield return n.Wants(0) ? n.Gradient * write(Ones(), updates, "mul") : null;
        yield return null;
        if (!n.Wants(2))
        {
            yield break;
        }

        var isZero = updates.IsEqualTo(updates.Number(0));
        var factors = isZero.Where(updates.Number(1), updates);
        var product = read(write(x, factors, "mul"));
        var others = read(write(x.ZerosLike(), Elementwise.Step(isZero, updates), "add")) - Elementwise.Step(isZero, updates);
        yield return (others > 0).Where(updates.Number(0), read(n.Gradient) * product / factors);
    }

    /// <summary>Those that are the largest or smallest share the gradient.</summary>
    private static IEnumerable<Expr?> Extreme(GradientContext n, Func<Expr, Expr, string, Expr> write, Func<Expr, Expr> read)
    {
        var chosen = Elementwise.Step(n[0].IsEqualTo(n.Output), n[0]);
        var chosenUpdates = Elementwise.Step(n[2].IsEqualTo(read(n.Output)), n[2]);
        var share = n.Gradient / write(chosen, chosenUpdates, "add");
        return [chosen * share, null, n.Wants(2) ? chosenUpdates * read(share) : null];
    }
}
