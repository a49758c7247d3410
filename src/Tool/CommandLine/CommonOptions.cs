using System.CommandLine;
using System.Globalization;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.CommandLine;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    /// <summary>A model.</summary>
    public static Argument<string> Model(string name = "MODEL") => new(name) { Description = "The .onnx file." };

    /// <summary>Inputs from files.</summary>
    public static Option<string[]> Inputs() => new("--input", "-i")
    {
        Description = "An input of the model: name=file.npy, or a .safetensors file that holds all inputs. May be given several times.",
        HelpName = "NAME=FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>Numbers for symbolic dimensions.</summary>
    public static Option<string[]> Bindings() => new("--bind")
    {
        Description = "A number for a dimension that the model leaves open, by its name, e.g. batch=4. May be given several times.",
        HelpName = "DIM=N",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>Splits the values of <see cref="Bindings"/>.</summary>
    /// <exception cref="CompressToolException">A value is not a name and a positive number, or a name comes twice.</exception>
    public static Dictionary<string, long> ParseBindings(IEnumerable<string>? values)
    {
        var bindings = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var value in values ?? [])
        {
            var separator = value.LastIndexOf('=');
            if (separator <= 0 || !long.TryParse(value.AsSpan(separator + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1)
            {
                throw new CompressToolException(ToolErrors.InvalidValue, $"'--bind {value}' does not give a dimension a positive number; write e.g. --bind batch=4");
            }

            if (!bindings.TryAdd(value[..separator], number))
            {
                throw new CompressToolException(ToolErrors.Conflict, $"the dimension '{value[..separator]}' is given twice");
            }
        }

        return bindings;
    }

    /// <summary>A whole number.</summary>
    /// <param name="name">Name of the option.</param>
    /// <param name="description">What it is.</param>
    /// <param name="min">The smallest that is allowed.</param>
    /// <param name="standard">The value when the option is not given.</param>
    public static Option<int> Number(string name, string description, int min, int standard)
    {
        var option = new Option<int>(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value < min)
                {
                    result.AddError($"'{text}' is not a {(min > 0 ? "positive " : "")}whole number for {name}");
                }

                return value;
            },
        };
        if (standard != 0)
        {
            option.DefaultValueFactory = _ => standard;
        }

        return option;
    }
}
