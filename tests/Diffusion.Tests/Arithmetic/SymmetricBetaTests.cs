using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Tests.Arithmetic;

[TestClass]
public sealed class SymmetricBetaTests
{
    /// <summary>By bisection of the density's integral, computed by tanh-sinh quadrature in Python.</summary>
    [TestMethod]
    [DataRow(0.001, 1.8558738517451953e-05)]
    [DataRow(0.05, 0.012554456873611449)]
    [DataRow(0.25, 0.17568037865269553)]
    [DataRow(0.4, 0.3627009907532154)]
    [DataRow(0.7, 0.7659829961247637)]
    [DataRow(0.99, 0.9991387611784571)]
    public void Quantiles_are_those_of_a_quadrature(double share, double expected) => Assert.AreEqual(expected, SymmetricBeta.Quantile(share, 0.6), 1e-9 * expected);

    [TestMethod]
    public void Quantiles_of_known_distributions()
    {
        foreach (var share in (double[])[0, 0.1, 0.5, 0.8, 1])
        {
            // Both parameters 1: the uniform distribution; a half: that of the arcsine.
            Assert.AreEqual(share, SymmetricBeta.Quantile(share, 1), 1e-12);
            Assert.AreEqual(Math.Pow(Math.Sin(Math.PI * share / 2), 2), SymmetricBeta.Quantile(share, 0.5), 1e-12);
        }
    }
}
