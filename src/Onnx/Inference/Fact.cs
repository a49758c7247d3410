namespace CompressTool.Onnx.Inference;

/// <summary>What is known about a value: element type, shape, and for small integer tensors (shapes, axes) the elements.</summary>
/// <param name="Type">Element type; Undefined when unknown.</param>
/// <param name="Dims">The shape; null when the rank is unknown.</param>
internal sealed record Fact(DataType Type, Expression[]? Dims)
{
    /// <summary>Tensors with more elements are not looked into; shapes and axes have a handful.</summary>
    public const int MaxElements = 1024;

    private Expression?[]? _elements;
    private bool _read;

    public static Fact Unknown { get; } = new(DataType.Undefined, null);

    /// <summary>The content, when it is constant.</summary>
    public Tensor? Constant { get; init; }

    /// <summary>The elements of a small tensor, row by row; null where one is unknown, and as a whole when nothing is. Bools are 0 and 1; floats only when whole.</summary>
    public Expression?[]? Elements
    {
        get
        {
            if (_elements is null && !_read)
            {
                _read = true;
                _elements = Constant is { } tensor && IsReadable(tensor, MaxElements) ? ToElements(tensor) : null;
            }

            return _elements;
        }

        init
        {
            _elements = value;
            _read = true;
        }
    }

    /// <summary>The elements when all are known numbers; null otherwise.</summary>
    public long[]? Numbers
    {
        get
        {
            if (Elements is not { } elements)
            {
                return null;
            }

            var numbers = new long[elements.Length];
            for (var index = 0; index < numbers.Length; index++)
            {
                if (elements[index]?.Number is not { } number)
                {
                    return null;
                }

                numbers[index] = number;
            }

            return numbers;
        }
    }

    /// <summary>The shape as numbers; null when not all are known.</summary>
    public long[]? StaticDims
    {
        get
        {
            if (Dims is null)
            {
                return null;
            }

            var dims = new long[Dims.Length];
            for (var axis = 0; axis < dims.Length; axis++)
            {
                if (Dims[axis].Number is not { } number)
                {
                    return null;
                }

                dims[axis] = number;
            }

            return dims;
        }
    }

    public static Fact Of(Tensor tensor) => new(tensor.Type, [.. tensor.Dims.Select(Expression.Of)]) { Constant = tensor };

    /// <summary>True when the bytes are there and few enough.</summary>
    public static bool IsReadable(Tensor tensor, long limit) => tensor.Count <= limit && tensor.Strings is null && tensor.Data is not MissingData;

    /// <summary>The constant: as given, or made of elements that are all known. Null otherwise.</summary>
    public Tensor? ToTensor() => Constant ?? (Numbers is { } numbers && StaticDims is { } dims ? NumberConversion.FromInt64s(Type, dims, numbers) : null);

    private static Expression?[]? ToElements(Tensor tensor) => tensor.Type switch
    {
        DataType.Float or DataType.Double => [.. NumberConversion.ToDoubles(tensor).Select(x => Math.Abs(x) < 1L << 53 && x == Math.Truncate(x) ? Expression.Of((long)x) : null)],
        DataType.UInt64 => [.. tensor.ToArray<ulong>().Select(x => x <= long.MaxValue ? Expression.Of((long)x) : null)],
        DataType.Bool or DataType.Int8 or DataType.UInt8 or DataType.Int16 or DataType.UInt16 or DataType.Int32 or DataType.UInt32 or DataType.Int64
            => [.. tensor.ToInt64s().Select(Expression.Of)],
        _ => null,
    };
}
