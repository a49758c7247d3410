namespace CompressTool.Recipes.Build;

/// <summary>What the generated C# class of one recipe is made from.</summary>
public sealed record ModelCode
{
    /// <summary>The namespace, e.g. <c>CompressedModels</c> or <c>Acme.Models</c>; each part is made a valid identifier.</summary>
    public required string Namespace { get; init; }

    /// <summary>The class, or a name it is made from: <c>shop-v2</c> becomes <c>ShopV2</c>.</summary>
    public required string ClassName { get; init; }

    /// <summary>File name of the recipe, for comments.</summary>
    public required string RecipeFileName { get; init; }

    /// <summary>Where the model lies below the application's folder, e.g. <c>models/shop.onnx</c>.</summary>
    public required string TargetPath { get; init; }

    /// <summary>Inputs of the finished model, in its order.</summary>
    public required IReadOnlyList<ModelTensor> Inputs { get; init; }

    /// <summary>Outputs of the finished model, in its order.</summary>
    public required IReadOnlyList<ModelTensor> Outputs { get; init; }
}

/// <summary>An input or output of a model.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="ElementType">Its element type as reports show it, e.g. <c>float32</c>.</param>
/// <param name="Shape">Its dimensions; null when not even their number is known.</param>
public sealed record ModelTensor(string Name, string ElementType, IReadOnlyList<ModelDimension>? Shape);

/// <summary>A dimension: a length, or a name for a length known only at run time, or neither.</summary>
/// <param name="Length">The length; null when known only at run time.</param>
/// <param name="Symbol">The name of a length known only at run time.</param>
public readonly record struct ModelDimension(long? Length, string? Symbol = null)
{
    /// <summary>The dimension as reports show it: <c>32</c>, <c>batch</c> or <c>?</c>.</summary>
    public override string ToString() =>
        Length?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? (string.IsNullOrEmpty(Symbol) ? "?" : Symbol);
}
