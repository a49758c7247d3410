using System.CommandLine;

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

    /// <summary>A positive number; 0 when it is not given.</summary>
    public static Option<int> Positive(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            if (!int.TryParse(result.Tokens[0].Value, out var value) || value < 1)
            {
                result.AddError($"'{result.Tokens[0].Value}' is not a positive number for {name}");
            }

            return value;
        },
    };
}
