using System.Numerics;

namespace CompressTool.Onnx.Inference.Content;

/// <summary>An operation on two numbers of one type, and on two expressions.</summary>
internal interface IBinaryOperation
{
    static abstract T Apply<T>(T left, T right)
        where T : struct, INumber<T>;

    /// <summary>The same on expressions; null when the result cannot be expressed.</summary>
    static abstract Expression? Apply(Expression left, Expression right, bool isFloat);
}

/// <summary>A comparison of two numbers of one type, and of two expressions.</summary>
internal interface IComparison
{
    static abstract bool Apply<T>(T left, T right)
        where T : struct, INumber<T>;

    /// <summary>The same on the sign of the difference, which is null when it depends on the symbols.</summary>
    static abstract bool? Apply(int? sign);
}

internal readonly struct Add : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => unchecked(left + right);

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => left + right;
}

internal readonly struct Subtract : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => unchecked(left - right);

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => left - right;
}

internal readonly struct Multiply : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => unchecked(left * right);

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => left * right;
}

/// <summary>Integers are rounded towards zero.</summary>
internal readonly struct Divide : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => left / right;

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => Expression.DivideExactly(left, right) is { } exact ? exact
        : isFloat ? null
        : left.Number is { } dividend && right.Number is { } divisor && divisor != 0 ? dividend / divisor
        : left.Minimum >= 0 ? Expression.FloorDivide(left, right) : null;
}

/// <summary>The remainder with the sign of the divisor, as the standard has it for integers.</summary>
internal readonly struct FloorModulo : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T>
    {
        var rest = left % right;
        return T.IsZero(rest) || T.IsNegative(rest) == T.IsNegative(right) ? rest : rest + right;
    }

    public static Expression? Apply(Expression left, Expression right, bool isFloat) =>
        Expression.FloorDivide(left, right) is { } quotient ? left - (right * quotient) : null;
}

/// <summary>The remainder with the sign of the dividend, as in C.</summary>
internal readonly struct Remainder : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => left % right;

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => left.Minimum >= 0 ? FloorModulo.Apply(left, right, isFloat) : null;
}

internal readonly struct Maximum : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => T.Max(left, right);

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => Expression.Max(left, right);
}

internal readonly struct Minimum : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => T.Min(left, right);

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => Expression.Min(left, right);
}

/// <summary>Conjunction of bools, which are 0 and 1.</summary>
internal readonly struct And : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => left * right;

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => left * right;
}

/// <summary>Disjunction of bools, which are 0 and 1.</summary>
internal readonly struct Or : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => T.Max(left, right);

    public static Expression? Apply(Expression left, Expression right, bool isFloat) => Expression.Max(left, right);
}

/// <summary>Difference of bools, which are 0 and 1.</summary>
internal readonly struct Xor : IBinaryOperation
{
    public static T Apply<T>(T left, T right)
        where T : struct, INumber<T> => left == right ? T.Zero : T.One;

    public static Expression? Apply(Expression left, Expression right, bool isFloat) =>
        Expression.Compare(left, right) is { } sign ? Expression.Of(sign == 0 ? 0 : 1) : null;
}

internal readonly struct Equal : IComparison
{
    public static bool Apply<T>(T left, T right)
        where T : struct, INumber<T> => left == right;

    public static bool? Apply(int? sign) => sign is { } known ? known == 0 : null;
}

internal readonly struct Less : IComparison
{
    public static bool Apply<T>(T left, T right)
        where T : struct, INumber<T> => left < right;

    public static bool? Apply(int? sign) => sign is { } known ? known < 0 : null;
}

internal readonly struct LessOrEqual : IComparison
{
    public static bool Apply<T>(T left, T right)
        where T : struct, INumber<T> => left <= right;

    public static bool? Apply(int? sign) => sign is { } known ? known <= 0 : null;
}

internal readonly struct Greater : IComparison
{
    public static bool Apply<T>(T left, T right)
        where T : struct, INumber<T> => left > right;

    public static bool? Apply(int? sign) => sign is { } known ? known > 0 : null;
}

internal readonly struct GreaterOrEqual : IComparison
{
    public static bool Apply<T>(T left, T right)
        where T : struct, INumber<T> => left >= right;

    public static bool? Apply(int? sign) => sign is { } known ? known >= 0 : null;
}
