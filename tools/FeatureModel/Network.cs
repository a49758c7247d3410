using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using CompressTool.Training.RandomNumbers;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.FeatureModel;

/// <summary>
/// Four convolutions and two dense layers on images of 32 x 32 pixels. The 64 numbers before the last layer are the features.
/// The outputs are a logit for each class, how noisy and how blurred the image is, and its mean colour: a model that told
/// classes only would give the same features to good and bad images of a class.
/// </summary>
internal static class Network
{
    public const int Features = 64, Classes = 10, Qualities = 5;

    public static Model Create(ulong seed)
    {
        var model = new Model { ProducerName = "CompressTool" };
        model.OpsetImports[""] = 17;
        var layers = new Layers(new GraphBuilder(model), new RandomSource(seed, "weights"));
        var x = layers.Builder.Input("images", DataType.Float, new Shape(new Dim("batch"), 3, 32, 32));
        (int From, int To, int Stride)[] convolutions = [(3, 32, 1), (32, 48, 2), (48, 64, 2), (64, 64, 2)];
        foreach (var (index, (from, to, stride)) in convolutions.Index())
        {
            x = layers.Convolution($"conv{index + 1}", x, from, to, stride);
        }

        var features = Layers.Activate(layers.Dense("features", x.View(-1, 64 * 4 * 4), 64 * 4 * 4, Features));
        layers.Builder.AddOutput("features", features);
        layers.Builder.AddOutput("outputs", layers.Dense("outputs", features, Features, Classes + Qualities));
        return model;
    }

    private sealed class Layers(GraphBuilder builder, RandomSource random)
    {
        private int _used;

        public GraphBuilder Builder => builder;

        public Expr Convolution(string name, Expr x, int from, int to, int stride) => Activate(builder.Node(
            "Conv", [x, Weight(name, to, from, 3, 3), Bias(name, to)], Attribute.Ints("pads", [1, 1, 1, 1]), Attribute.Ints("strides", [stride, stride])));

        public Expr Dense(string name, Expr x, int from, int to) => x.MatMul(Weight(name, from, to)) + Bias(name, to);

        public static Expr Activate(Expr x) => x * x.Sigmoid();

        /// <summary>He's initialisation.</summary>
        private Expr Weight(string name, params long[] dims)
        {
            var values = new float[dims.Aggregate(1L, (count, dim) => count * dim)];
            random.Stream(_used++).FillNormal(values);
            var inputs = dims.Length == 2 ? dims[0] : dims[1] * dims[2] * dims[3];
            var scale = (float)Math.Sqrt(2.0 / inputs);
            return builder.Initializer(builder.Graph.AddInitializer(name + ".weight", Tensor.Floats(dims, [.. values.Select(value => value * scale)])));
        }

        private Expr Bias(string name, long count) => builder.Initializer(builder.Graph.AddInitializer(name + ".bias", Tensor.Floats([count], new float[count])));
    }
}
