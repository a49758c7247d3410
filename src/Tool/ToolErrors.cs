using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool;

/// <summary>Errors about the command line: CMP60xx.</summary>
public static class ToolErrors
{
    /// <summary>A command that does not exist, or none.</summary>
    public static readonly ErrorCode UnknownCommand = new("CMP6001", "A command is missing or does not exist.", "The message offers the nearest one; 'dotnet compress --help' lists them.");
    /// <summary>An option that does not exist.</summary>
    public static readonly ErrorCode UnknownOption = new("CMP6002", "An option does not exist.", "The message offers the nearest one; 'dotnet compress COMMAND --help' lists them.");
    /// <summary>An argument or option is missing.</summary>
    public static readonly ErrorCode Missing = new("CMP6003", "An argument or a required option is missing.", "'dotnet compress COMMAND --help' shows what the command needs.");
    /// <summary>A value that cannot be understood.</summary>
    public static readonly ErrorCode InvalidValue = new("CMP6004", "A value on the command line is not valid.", "The message says what is expected.");
    /// <summary>More arguments than the command takes.</summary>
    public static readonly ErrorCode UnexpectedArgument = new("CMP6005", "The command takes no such argument.", "Put paths with spaces in quotes; 'dotnet compress COMMAND --help' shows the arguments.");
    /// <summary>Options that exclude each other.</summary>
    public static readonly ErrorCode Conflict = new("CMP6006", "Options exclude each other.", "Keep one of the options that the message names.");
    /// <summary>A file would be overwritten.</summary>
    public static readonly ErrorCode FileExists = new("CMP6007", "A file exists already.", "Choose another name, or overwrite the file with --force.");
    /// <summary>Inputs that do not fit the model.</summary>
    public static readonly ErrorCode InputMismatch = new("CMP6008", "A given input does not fit the model.", "Compare names, types and shapes with those that 'dotnet compress inspect' prints.");
    /// <summary>Out of memory.</summary>
    public static readonly ErrorCode OutOfMemory = new("CMP6097", "There is not enough memory.", "Close other programs, or run on a machine with more memory.");
    /// <summary>A file or folder cannot be used.</summary>
    public static readonly ErrorCode FileSystem = new("CMP6098", "A file or folder cannot be read or written.", "The message has the system's own words.");
    /// <summary>A defect of the tool.</summary>
    public static readonly ErrorCode Unexpected = new("CMP6099", "Something unexpected went wrong: a defect of the tool.", "Run again with --verbosity detailed and report what it prints.");
}
