using CompressTool.Onnx;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>
/// Compares the gradients of a rule with central differences in double precision. Where ONNX Runtime has no double kernel for the
/// operator, a plain reference implementation computes the differences; where it has none for what the rule is made of, the rule
/// runs in float32.
/// </summary>
internal static class RuleCheck
{
    private const double Step = 1e-5, DoubleTolerance = 1e-7, FloatTolerance = 1e-4;

    /// <summary>Checks one case.</summary>
    /// <returns>The largest relative error over the inputs, and whether the rule ran in double.</returns>
    public static (double Error, bool IsDouble) Run(OperatorCase setting)
    {
        var inputs = setting.ToInputs();
        var reference = Reference.Find(setting.Operator);
        using var inDouble = CompiledCase.TryCompile(setting, inputs, DataType.Double, withGradients: true);
        using var inFloat = inDouble is null ? CompiledCase.TryCompile(setting, inputs, DataType.Float, withGradients: true) : null;
        using var forward = inDouble is null && reference is null ? CompiledCase.TryCompile(setting, inputs, DataType.Double, withGradients: false) : null;
        var rule = inDouble ?? inFloat!;
        var random = new Random(54321);
        var given = rule.OutputDims.Select(dims => Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(_ => (2 * random.NextDouble()) - 1).ToArray()).ToArray();
        var gradients = rule.Gradients(given);
        Func<double[][]> compute = reference is not null ? () => reference(new Reference(setting, inputs))
            : (inDouble ?? forward ?? throw new InvalidOperationException($"{setting.Operator} has no double kernel: it needs a reference implementation.")).Run;
        if (reference is not null && setting.HasKernel)
        {
            foreach (var (actual, expected) in rule.Run().Zip(compute()))
            {
                Assert.IsLessThan(1e-5, Error(actual, expected), $"{setting}: the reference implementation computes something else");
            }
        }

        var worst = 0.0;
        foreach (var (index, gradient) in gradients)
        {
            var error = Error(gradient, Differences(inputs[index].Array.Data, () => compute().Zip(given, (output, weights) => output.Zip(weights, (a, b) => a * b).Sum()).Sum()));
            Assert.IsLessThan(rule == inDouble ? DoubleTolerance : FloatTolerance, error, $"{setting}: by input {index}");
            worst = Math.Max(worst, error);
        }

        Assert.IsNotEmpty(gradients, $"{setting}: nothing is differentiated by");
        return (worst, rule == inDouble);
    }

    private static double[] Differences(double[] x, Func<double> function)
    {
        var result = new double[x.Length];
        for (var index = 0; index < x.Length; index++)
        {
            var center = x[index];
            x[index] = center + Step;
            var above = function();
            x[index] = center - Step;
            result[index] = (above - function()) / (2 * Step);
            x[index] = center;
        }

        return result;
    }

    /// <summary>The norm of the difference, relative to the expected norm unless that is near zero.</summary>
    private static double Error(double[] actual, double[] expected)
    {
        Assert.HasCount(expected.Length, actual);
        return Norm(actual.Zip(expected, (a, b) => a - b)) / Math.Max(Norm(expected), 0.1);
    }

    private static double Norm(IEnumerable<double> numbers) => Math.Sqrt(numbers.Sum(x => x * x));
}
