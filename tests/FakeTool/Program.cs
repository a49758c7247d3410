using System.Text;
using CompressTool.FakeTool;

// Usage: FakeTool msbuild plan|stage|finish [@response-file]
Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
var arguments = CommandLine.Parse(args);
CallLog.Open(arguments.One("--folder"));
CallLog.Write($"{arguments.Command} {RecipeName.FromFolder(arguments.One("--folder"))} {arguments.Optional("--stage")}".TrimEnd());
return arguments.Command switch
{
    "plan" => PlanCommand.Run(arguments),
    "stage" => StageCommand.Run(arguments),
    "finish" => FinishCommand.Run(arguments),
    _ => 2,
};
