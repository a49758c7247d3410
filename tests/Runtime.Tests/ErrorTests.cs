using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class ErrorTests
{
    private static readonly byte[] s_add = TinyModel.Add(TinyModel.Tensor("w", [4], 1, 2, 3, 4));

    [TestMethod]
    public void Wrong_shape_is_invalid_input()
    {
        using var session = new InferenceSession(s_add);
        using var x = OrtValue.CreateTensorValueFromMemory(new float[5], [1, 5]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => session.Run(new Dictionary<string, OrtValue> { ["x"] = x }));

        Assert.AreSame(RuntimeErrors.InvalidInput, exception.Code);
        Assert.AreEqual(OrtErrorCode.InvalidArgument, exception.Status);
        StringAssert.Contains(exception.Message, "Got: 5 Expected: 4");
    }

    [TestMethod]
    public void Wrong_type_is_invalid_input()
    {
        using var session = new InferenceSession(s_add);
        using var x = OrtValue.CreateTensorValueFromMemory(new long[4], [1, 4]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => session.Run(new Dictionary<string, OrtValue> { ["x"] = x }));

        Assert.AreSame(RuntimeErrors.InvalidInput, exception.Code);
        StringAssert.Contains(exception.Message, "int64");
    }

    [TestMethod]
    public void Unknown_input_name_is_invalid_input_with_the_nearest_name()
    {
        using var session = new InferenceSession(Reference.UNet);
        using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);

        var exception = Assert.ThrowsExactly<CompressToolException>(() => session.Run(new Dictionary<string, OrtValue> { ["smaple"] = x }));

        Assert.AreSame(RuntimeErrors.InvalidInput, exception.Code);
        StringAssert.Contains(exception.Message, "no input 'smaple'; did you mean 'sample'?");
    }

    [TestMethod]
    public void Unknown_output_name_is_invalid_input_and_lists_the_outputs()
    {
        using var session = new InferenceSession(s_add);
        using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);

        var exception = Assert.ThrowsExactly<CompressToolException>(() => session.Run(new Dictionary<string, OrtValue> { ["x"] = x }, ["features"]));

        Assert.AreSame(RuntimeErrors.InvalidInput, exception.Code);
        StringAssert.Contains(exception.Message, "no output 'features'; known: y");
    }

    [TestMethod]
    public void Missing_input_is_invalid_input()
    {
        using var session = new InferenceSession(Reference.UNet);
        using var timestep = OrtValue.CreateTensorValueFromMemory([1L], [1]);

        var exception = Assert.ThrowsExactly<CompressToolException>(() => session.Run(new Dictionary<string, OrtValue> { ["timestep"] = timestep }));

        Assert.AreSame(RuntimeErrors.InvalidInput, exception.Code);
        StringAssert.Contains(exception.Message, "'sample' is missing");
    }

    [TestMethod]
    public void Corrupt_model_is_refused()
    {
        using var folder = new TempFolder();
        var path = folder.File("corrupt.onnx");
        File.WriteAllBytes(path, File.ReadAllBytes(Reference.UNet)[..100_000]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(path));

        Assert.AreSame(RuntimeErrors.ModelRefused, exception.Code);
        Assert.AreEqual(OrtErrorCode.InvalidProtobuf, exception.Status);
        StringAssert.Contains(exception.Message, path);
    }

    [TestMethod]
    public void Empty_model_is_refused()
    {
        var exception = Assert.Throws<CompressToolException>(() => new InferenceSession(Array.Empty<byte>()));

        Assert.AreSame(RuntimeErrors.ModelRefused, exception.Code);
    }

    [TestMethod]
    public void Operator_without_implementation_is_named()
    {
        // ONNX Runtime has no convolution in double precision on the CPU.
        var graph = TinyModel.Graph(
            [TinyModel.Node("Conv", ["x", "w"], ["y"], "down/conv")],
            [TinyModel.Value("x", DataType.Double, 1, 1, 4, 4), TinyModel.Value("w", DataType.Double, 1, 1, 3, 3)], [TinyModel.Value("y", DataType.Double, 1, 1, 2, 2)]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(TinyModel.Model(graph)));

        Assert.AreSame(RuntimeErrors.OperatorNotImplemented, exception.Code);
        Assert.AreEqual(OrtErrorCode.NotImplemented, exception.Status);
        Assert.AreEqual("Conv", exception.OperatorType);
        Assert.AreEqual("down/conv", exception.NodeName);
        StringAssert.Contains(exception.Message, "Conv node 'down/conv'");
    }

    [TestMethod]
    public void Unknown_operator_is_named()
    {
        var graph = TinyModel.Graph([TinyModel.Node("Frobnicate", ["x"], ["y"], "frob")], [TinyModel.Value("x", DataType.Float, 2)], [TinyModel.Value("y", DataType.Float, 2)]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(TinyModel.Model(graph)));

        Assert.AreSame(RuntimeErrors.ModelRefused, exception.Code);
        Assert.AreEqual("Frobnicate", exception.OperatorType);
    }

    [TestMethod]
    public void Node_with_contradicting_types_is_named()
    {
        var graph = TinyModel.Graph(
            [TinyModel.Node("Add", ["x", "i"], ["y"], "mixed")],
            [TinyModel.Value("x", DataType.Float, 2), TinyModel.Value("i", DataType.Int64, 2)], [TinyModel.Value("y", DataType.Float, 2)]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(TinyModel.Model(graph)));

        Assert.AreSame(RuntimeErrors.ModelRefused, exception.Code);
        Assert.AreEqual("Add", exception.OperatorType);
        Assert.AreEqual("mixed", exception.NodeName);
    }

    [TestMethod]
    public void Node_that_fails_in_a_run_is_named()
    {
        var graph = TinyModel.Graph(
            [TinyModel.Node("Reshape", ["x", "shape"], ["y"], "to/odd shape")],
            [TinyModel.Value("x", DataType.Float, "n"), TinyModel.Value("shape", DataType.Int64, 2)], [TinyModel.Value("y", DataType.Float, "a", "b")]);
        using var session = new InferenceSession(TinyModel.Model(graph));
        using var x = OrtValue.CreateTensorValueFromMemory(new float[5], [5]);
        using var shape = OrtValue.CreateTensorValueFromMemory([2L, 3], [2]);

        var exception = Assert.ThrowsExactly<OnnxRuntimeException>(() => session.Run(new Dictionary<string, OrtValue> { ["x"] = x, ["shape"] = shape }));

        Assert.AreSame(RuntimeErrors.RunFailed, exception.Code);
        Assert.AreEqual("Reshape", exception.OperatorType);
        Assert.AreEqual("to/odd shape", exception.NodeName);
        StringAssert.Contains(exception.NativeMessage, "Non-zero status code");
        Assert.DoesNotContain(".cc:", exception.Message);
        Assert.DoesNotContain("Non-zero", exception.Message);
        StringAssert.Contains(exception.Message, "Reshape node 'to/odd shape'");
    }

    [TestMethod]
    [DataRow("Non-zero status code returned while running Add node. Name:'a' Status Message: virtual OrtValue* onnxruntime::OpKernelContext::OutputMLValue(int, const onnxruntime::TensorShape&) [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : The shape differs.", "The shape differs.")]
    [DataRow("/build/core/providers/cpu/tensor/reshape.h:45 onnxruntime::Helper() size was false. It cannot be.", "onnxruntime::Helper() size was false. It cannot be.")]
    [DataRow("Load model from a.onnx failed:Protobuf parsing failed.", "Load model from a.onnx failed:Protobuf parsing failed.")]
    public void Message_is_tidied(string message, string tidied) => Assert.AreEqual(tidied, OnnxRuntimeException.Tidy(message));

    [TestMethod]
    [DataRow("Non-zero status code returned while running Conv node. Name:'/down/conv' Status Message: x", "Conv", "/down/conv")]
    [DataRow("Non-zero status code returned while running FusedConv node. Name:'' Status Message: x", "FusedConv", "")]
    [DataRow("Could not find an implementation for MatMulNBits(1) node with name 'mm'", "MatMulNBits", "mm")]
    [DataRow("Could not find an implementation for com.acme.Op(1) node with name ''", "com.acme.Op", "")]
    [DataRow("Load model from a.onnx failed:This is an invalid model. In Node, (\"n1\", Frob, \"\", -1) : (\"x\": tensor(float),) -> (\"y\",) , Error No Op registered for Frob with domain_version of 17", "Frob", "n1")]
    [DataRow("Load model from a.onnx failed:Node (conv1) Op (Conv) [ShapeInferenceError] Attribute dilations has incorrect size", "Conv", "conv1")]
    [DataRow("Type Error: Type parameter (T) of Optype (Add) bound to different types (tensor(float) and tensor(int64) in node (add1).", "Add", "add1")]
    [DataRow("Type Error: Type 'tensor(int64)' of input parameter (x) of operator (Conv) in node (c) is invalid.", "Conv", "c")]
    [DataRow("Load model from a.onnx failed:Fatal error: com.acme:Frob(-1) is not a registered function/op", "com.acme:Frob", null)]
    [DataRow("Load model from a.onnx failed:Protobuf parsing failed.", null, null)]
    public void Node_is_found_in_messages(string message, string? operatorType, string? nodeName) =>
        Assert.AreEqual((operatorType, nodeName), OnnxRuntimeException.FindNode(message));
}
