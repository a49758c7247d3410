using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <content>What the model has: inputs, outputs, metadata.</content>
public sealed unsafe partial class InferenceSession
{
    /// <summary>The names of the inputs that a run must be given, in the model's order.</summary>
    public IReadOnlyList<string> InputNames { get; private set; } = [];

    /// <summary>The names of the outputs, in the model's order.</summary>
    public IReadOnlyList<string> OutputNames => _outputs.Names;

    /// <summary>The names of initializers that a run may be given instead of the model's own, in the model's order.</summary>
    public IReadOnlyList<string> OverridableInitializerNames { get; private set; } = [];

    /// <summary>The inputs by name.</summary>
    public IReadOnlyDictionary<string, NodeMetadata> InputMetadata =>
        field ??= ReadMetadata(InputNames, OrtLibrary.Api->SessionGetInputTypeInfo);

    /// <summary>The outputs by name.</summary>
    public IReadOnlyDictionary<string, NodeMetadata> OutputMetadata =>
        field ??= ReadMetadata(OutputNames, OrtLibrary.Api->SessionGetOutputTypeInfo);

    /// <summary>The overridable initializers by name.</summary>
    public IReadOnlyDictionary<string, NodeMetadata> OverridableInitializerMetadata =>
        field ??= ReadMetadata(OverridableInitializerNames, OrtLibrary.Api->SessionGetOverridableInitializerTypeInfo);

    /// <summary>What the model says about itself.</summary>
    public ModelMetadata ModelMetadata => field ??= ReadModelMetadata();

    private (NativeNames Inputs, NativeNames Outputs) ReadNames()
    {
        var api = OrtLibrary.Api;
        InputNames = ReadNames(api->SessionGetInputCount, api->SessionGetInputName);
        OverridableInitializerNames = ReadNames(api->SessionGetOverridableInitializerCount, api->SessionGetOverridableInitializerName);
        return (new NativeNames([.. InputNames, .. OverridableInitializerNames]), new NativeNames(ReadNames(api->SessionGetOutputCount, api->SessionGetOutputName)));
    }

    private string[] ReadNames(delegate* unmanaged<nint, nuint*, nint> getCount, delegate* unmanaged<nint, nuint, nint, byte**, nint> getName)
    {
        using var session = Handle.Acquire();
        using var allocator = OrtAllocator.Default.Handle.Acquire();
        nuint count;
        OrtStatus.Check(getCount(session.Pointer, &count), "Reading the names of a model");
        var names = new string[(int)count];
        for (var i = 0; i < names.Length; i++)
        {
            byte* name;
            OrtStatus.Check(getName(session.Pointer, (nuint)i, allocator.Pointer, &name), "Reading the names of a model");
            names[i] = OrtAllocator.Default.TakeText(name);
        }

        return names;
    }

    private Dictionary<string, NodeMetadata> ReadMetadata(IReadOnlyList<string> names, delegate* unmanaged<nint, nuint, nint*, nint> getType)
    {
        using var session = Handle.Acquire();
        var metadata = new Dictionary<string, NodeMetadata>(names.Count, StringComparer.Ordinal);
        for (var i = 0; i < names.Count; i++)
        {
            nint type;
            OrtStatus.Check(getType(session.Pointer, (nuint)i, &type), "Reading the types of a model");
            try
            {
                metadata.Add(names[i], ReadType(type));
            }
            finally
            {
                OrtLibrary.Api->ReleaseTypeInfo(type);
            }
        }

        return metadata;
    }

    private static NodeMetadata ReadType(nint type)
    {
        var api = OrtLibrary.Api;
        OnnxValueType kind;
        OrtStatus.Check(api->GetOnnxTypeFromTypeInfo(type, &kind), "Reading the types of a model");
        nint tensor = 0; // Belongs to the type
        OrtStatus.Check(api->CastTypeInfoToTensorInfo(type, &tensor), "Reading the types of a model");
        if (kind != OnnxValueType.Tensor || tensor == 0)
        {
            return new NodeMetadata { OnnxValueType = kind };
        }

        var dimensions = TensorTypeInfo.ReadDimensions(tensor);
        return new NodeMetadata
        {
            OnnxValueType = kind,
            ElementType = TensorTypeInfo.ReadElementType(tensor),
            HasShape = TensorTypeInfo.HasShape(tensor),
            Dimensions = dimensions,
            SymbolicDimensions = TensorTypeInfo.ReadSymbols(tensor, dimensions.Length),
        };
    }

    private ModelMetadata ReadModelMetadata()
    {
        var api = OrtLibrary.Api;
        using var session = Handle.Acquire();
        nint created;
        OrtStatus.Check(api->SessionGetModelMetadata(session.Pointer, &created), "Reading the metadata of a model");
        using var owner = new OrtHandle(created, api->ReleaseModelMetadata);
        var metadata = created;
        long version;
        OrtStatus.Check(api->ModelMetadataGetVersion(metadata, &version), "Reading the metadata of a model");
        return new ModelMetadata
        {
            ProducerName = Text(api->ModelMetadataGetProducerName),
            GraphName = Text(api->ModelMetadataGetGraphName),
            GraphDescription = Text(api->ModelMetadataGetGraphDescription),
            Domain = Text(api->ModelMetadataGetDomain),
            Description = Text(api->ModelMetadataGetDescription),
            Version = version,
            CustomMetadataMap = ReadCustomMetadata(metadata),
        };

        string Text(delegate* unmanaged<nint, nint, byte**, nint> get)
        {
            using var allocator = OrtAllocator.Default.Handle.Acquire();
            byte* text;
            OrtStatus.Check(get(metadata, allocator.Pointer, &text), "Reading the metadata of a model");
            return OrtAllocator.Default.TakeText(text);
        }
    }

    private static Dictionary<string, string> ReadCustomMetadata(nint metadata)
    {
        var api = OrtLibrary.Api;
        using var allocator = OrtAllocator.Default.Handle.Acquire();
        byte** keys;
        long count;
        OrtStatus.Check(api->ModelMetadataGetCustomMetadataMapKeys(metadata, allocator.Pointer, &keys, &count), "Reading the metadata of a model");
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            byte* value;
            OrtStatus.Check(api->ModelMetadataLookupCustomMetadataMap(metadata, allocator.Pointer, keys[i], &value), "Reading the metadata of a model");
            map[OrtAllocator.Default.TakeText(keys[i])] = OrtAllocator.Default.TakeText(value);
        }

        OrtAllocator.Default.Free(keys);
        return map;
    }
}
