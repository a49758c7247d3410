namespace CompressTool.Onnx.Serialization;

/// <summary>Encodes a <see cref="Model"/> as a ModelProto. Field numbers are those of the ONNX format, in ascending order.</summary>
/// <param name="external">Where a tensor goes when not into the model file; null puts it there.</param>
internal sealed class ModelEncoder(Func<Tensor, ExternalPlace?> external)
{
    /// <summary>The whole message.</summary>
    public ProtoWriter Encode(Model model)
    {
        var writer = new ProtoWriter();
        writer.Int64(1, model.IrVersion);
        writer.String(2, model.ProducerName);
        writer.String(3, model.ProducerVersion);
        writer.String(4, model.Domain);
        if (model.ModelVersion != 0)
        {
            writer.Int64(5, model.ModelVersion);
        }

        writer.String(6, model.DocString);
        writer.Message(7, graph => Graph(graph, model.Graph));
        Opsets(writer, 8, model.OpsetImports);
        Pairs(writer, 14, model.Metadata);
        writer.Raw(model.UnknownFields.Span);
        foreach (var function in model.Functions)
        {
            writer.Message(25, message => Function(message, function));
        }

        return writer;
    }

    private static void Opsets(ProtoWriter writer, int field, OrderedDictionary<string, long> imports)
    {
        foreach (var (domain, version) in imports)
        {
            writer.Message(field, message =>
            {
                message.String(1, domain);
                message.Int64(2, version);
            });
        }
    }

    private static void Pairs(ProtoWriter writer, int field, IEnumerable<KeyValuePair<string, string>> pairs)
    {
        foreach (var (key, value) in pairs)
        {
            writer.Message(field, message =>
            {
                message.StringElement(1, key);
                message.StringElement(2, value);
            });
        }
    }

    private static void ValueInfo(ProtoWriter writer, int field, Value value) => writer.Message(field, message =>
    {
        message.String(1, value.Name);
        if (value.Type is { } type)
        {
            message.Message(2, inner => Type(inner, type));
        }

        message.String(3, value.DocString);
        Pairs(message, 4, value.Metadata);
        message.Raw(value.UnknownFields.Span);
    });

    /// <summary>What is known of inner values. Of a constant its tensor says it, unless there is more to say.</summary>
    private static void ValueInfos(ProtoWriter writer, int field, Graph graph)
    {
        foreach (var value in graph.Values())
        {
            var isImplied = value.Type is null || (value.Producer is null && (value.IsGraphInput || value.Type == ConstantType(value)));
            var isSilent = isImplied && value.DocString.Length == 0 && value.Metadata.Count == 0 && value.UnknownFields.IsEmpty;
            if (!isSilent && !value.IsGraphInput && !graph.Outputs.Contains(value))
            {
                ValueInfo(writer, field, value);
            }
        }
    }

    private static TensorType? ConstantType(Value value) =>
        value.Initializer is { } tensor ? new TensorType(tensor.Type, Shape.Of(tensor.Dims))
        : value.SparseInitializer is { } sparse ? new TensorType(sparse.Values.Type, Shape.Of(sparse.Dims)) : null;

    private static void Type(ProtoWriter writer, OnnxType type)
    {
        if (type is OtherType other)
        {
            writer.Raw(other.Encoded.Span);
            return;
        }

        var tensor = (TensorType)type;
        writer.Message(1, message =>
        {
            message.Int64(1, (long)tensor.ElementType);
            if (tensor.Shape is { } shape)
            {
                message.Message(2, dims =>
                {
                    foreach (var dim in shape)
                    {
                        dims.Message(1, inner => Dimension(inner, dim));
                    }
                });
            }
        });
        writer.String(6, tensor.Denotation ?? "");
    }

    private static void Dimension(ProtoWriter writer, Dim dim)
    {
        if (dim.Value is { } value)
        {
            writer.Int64(1, value);
        }

        writer.String(2, dim.Symbol ?? "");
        writer.String(3, dim.Denotation ?? "");
    }

    private void Graph(ProtoWriter writer, Graph graph)
    {
        foreach (var node in graph.Nodes)
        {
            writer.Message(1, message => Node(message, node));
        }

        writer.String(2, graph.Name);
        foreach (var value in graph.Initializers)
        {
            writer.Message(5, message => Tensor(message, value.Initializer!, value.Name));
        }

        writer.String(10, graph.DocString);
        foreach (var input in graph.Inputs)
        {
            ValueInfo(writer, 11, input);
        }

        foreach (var output in graph.Outputs)
        {
            ValueInfo(writer, 12, output);
        }

        ValueInfos(writer, 13, graph);
        foreach (var annotation in graph.QuantizationAnnotations)
        {
            writer.Bytes(14, annotation.Span);
        }

        foreach (var value in graph.SparseInitializers)
        {
            writer.Message(15, message => Sparse(message, value.SparseInitializer!, value.Name));
        }

        Pairs(writer, 16, graph.Metadata);
        writer.Raw(graph.UnknownFields.Span);
    }

    private void Node(ProtoWriter writer, Node node)
    {
        foreach (var input in node.Inputs)
        {
            writer.StringElement(1, input?.Name ?? "");
        }

        foreach (var output in node.Outputs)
        {
            writer.StringElement(2, output?.Name ?? "");
        }

        writer.String(3, node.Name);
        writer.String(4, node.OpType);
        foreach (var attribute in node.Attributes)
        {
            writer.Message(5, message => Attribute(message, attribute));
        }

        writer.String(6, node.DocString);
        writer.String(7, node.Domain);
        writer.String(8, node.Overload);
        Pairs(writer, 9, node.Metadata);
        writer.Raw(node.UnknownFields.Span);
    }

    private void Attribute(ProtoWriter writer, Attribute attribute)
    {
        writer.String(1, attribute.Name);
        switch (attribute.Value)
        {
            case float value:
                writer.Float(2, value);
                break;
            case long value:
                writer.Int64(3, value);
                break;
            case ReadOnlyMemory<byte> bytes:
                writer.Bytes(attribute.Kind == AttributeKind.TypeProto ? 14 : 4, bytes.Span);
                break;
            case SparseTensor sparse:
                writer.Message(22, message => Sparse(message, sparse, sparse.Values.Name));
                break;
            case Tensor tensor:
                writer.Message(5, message => Tensor(message, tensor, tensor.Name));
                break;
            case Graph graph:
                writer.Message(6, message => Graph(message, graph));
                break;
            case IReadOnlyList<float> values:
                foreach (var value in values)
                {
                    writer.Float(7, value);
                }

                break;
            case IReadOnlyList<long> values:
                foreach (var value in values)
                {
                    writer.Int64(8, value);
                }

                break;
            case IReadOnlyList<ReadOnlyMemory<byte>> items:
                foreach (var bytes in items)
                {
                    writer.Bytes(attribute.Kind == AttributeKind.TypeProtos ? 15 : 9, bytes.Span);
                }

                break;
            case IReadOnlyList<Tensor> tensors:
                foreach (var tensor in tensors)
                {
                    writer.Message(10, message => Tensor(message, tensor, tensor.Name));
                }

                break;
            case IReadOnlyList<Graph> graphs:
                foreach (var graph in graphs)
                {
                    writer.Message(11, message => Graph(message, graph));
                }

                break;
            case IReadOnlyList<SparseTensor> sparses:
                foreach (var sparse in sparses)
                {
                    writer.Message(23, message => Sparse(message, sparse, sparse.Values.Name));
                }

                break;
            default:
                if (attribute.ReferenceName.Length == 0)
                {
                    throw new InvalidOperationException($"The attribute '{attribute.Name}' of kind {attribute.Kind} holds {attribute.Value?.GetType().Name ?? "nothing"}.");
                }

                break;
        }

        writer.String(13, attribute.DocString);
        writer.Int64(20, (long)attribute.Kind);
        writer.String(21, attribute.ReferenceName);
        writer.Raw(attribute.UnknownFields.Span);
    }

    private void Tensor(ProtoWriter writer, Tensor tensor, string name)
    {
        foreach (var dim in tensor.Dims)
        {
            writer.Int64(1, dim);
        }

        writer.Int64(2, (long)tensor.Type);
        foreach (var text in tensor.Strings ?? [])
        {
            writer.Bytes(6, text.Span);
        }

        writer.String(8, name);
        var place = tensor.Strings is null ? external(tensor) : null;
        if (tensor.Strings is null && place is null)
        {
            writer.Bytes(9, tensor.Data);
        }

        writer.String(12, tensor.DocString);
        if (place is not null)
        {
            Pairs(writer, 13, place.Entries);
            writer.Int64(14, 1);
        }

        Pairs(writer, 16, tensor.Metadata);
        writer.Raw(tensor.UnknownFields.Span);
    }

    private void Sparse(ProtoWriter writer, SparseTensor sparse, string name)
    {
        writer.Message(1, message => Tensor(message, sparse.Values, name));
        writer.Message(2, message => Tensor(message, sparse.Indices, sparse.Indices.Name));
        foreach (var dim in sparse.Dims)
        {
            writer.Int64(3, dim);
        }
    }

    private void Function(ProtoWriter writer, Function function)
    {
        writer.String(1, function.Name);
        foreach (var input in function.Body.Inputs)
        {
            writer.StringElement(4, input.Name);
        }

        foreach (var output in function.Body.Outputs)
        {
            writer.StringElement(5, output.Name);
        }

        foreach (var name in function.AttributeNames)
        {
            writer.StringElement(6, name);
        }

        foreach (var node in function.Body.Nodes)
        {
            writer.Message(7, message => Node(message, node));
        }

        writer.String(8, function.DocString);
        Opsets(writer, 9, function.OpsetImports);
        writer.String(10, function.Domain);
        foreach (var attribute in function.AttributeDefaults)
        {
            writer.Message(11, message => Attribute(message, attribute));
        }

        // A function has no other place for what is known of its inputs and outputs.
        foreach (var value in function.Body.Values().Where(value => value.Type is not null || value.DocString.Length > 0 || value.Metadata.Count > 0))
        {
            ValueInfo(writer, 12, value);
        }

        writer.String(13, function.Overload);
        Pairs(writer, 14, function.Metadata);
        writer.Raw(function.UnknownFields.Span);
    }
}
