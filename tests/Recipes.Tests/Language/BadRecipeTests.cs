using static CompressTool.Recipes.RecipeErrors;
using static CompressTool.Recipes.Tests.Language.BadRecipe;

namespace CompressTool.Recipes.Tests.Language;

/// <summary>Mistakes in recipes, each with the error that its author gets to see.</summary>
[TestClass]
public sealed class BadRecipeTests
{
    private const string Stages = "stages: [all]\n";

    private static readonly BadRecipe[] s_cases =
    [
        // The text
        Below("unclosed bracket", Syntax, "the bracket is not closed", "stages: ▸[all\nseed: 1"),
        Below("unclosed quote", Syntax, "quoted scalar", "stages:\n  - all: { label: ▸\"x }\n"),
        Below("colon in a value", Syntax, "invalid mapping", "stages: all▸: x: y\n"),
        Below("wrong indentation", Syntax, "expected", "stages:\n  - all:\n      flag: true\n   ▸count: 1\n"),
        Below("pattern with a star alone", Syntax, "put quotes around text that begins with *", "stages:\n  - all: { layers: { include: ▸* } }\n"),
        Below("variable in flow style without quotes", Syntax, "needs quotes: \"${name}\"", "variables: { s: 1 }\nstages:\n  - all: { count: $▸{s} }\n"),
        Below("tab as indentation", TabIndentation, "tab", "stages:\n  - all:\n▸\t\tflag: true\n"),
        Below("tab behind spaces", TabIndentation, "tab", "stages:\n  - all:\n      flag: true\n  ▸\tcount: 1\n"),
        new("tab before the first key", TabIndentation, "tab", "▸\tversion: 1\n"),
        new("empty file", Empty, "empty", "▸"),
        new("comments only", Empty, "empty", "▸# nothing here\n\n"),
        new("two documents", SeveralDocuments, "one recipe per file", "version: 1\nmodel: m.onnx\n" + Stages + "▸---\nversion: 1\n"),
        new("a list at the top", WrongType, "a recipe is a mapping", "▸- version: 1\n"),
        new("text at the top", WrongType, "not 'hello'", "▸hello\n"),
        Below("NUL character", ControlCharacter, "U+0000", "stages: [all]▸\0\nunknown: 1"),
        Below("escape character", ControlCharacter, "U+001B", "# ▸\u001b[31m\n" + Stages),
        Below("anchor", UnsupportedYaml, "anchors", "stages:\n  - all: ▸&a { count: 1 }\n"),
        Below("pattern that begins with a star", UnsupportedYaml, "put quotes around text that begins with *: \"*conv\"", "stages:\n  - all: { layers: { include: [▸*conv] } }\n"),
        Below("tag", UnsupportedYaml, "tags", "stages:\n  - all: { label: ▸!!str x }\n"),
        Below("merge key", UnsupportedYaml, "merge keys", "stages:\n  - all:\n      ▸<<: { count: 1 }\n"),
        Below("list as a key", UnsupportedYaml, "a key must be a single word", "stages:\n  - all: { ▸[a]: 1 }\n"),
        Below("option given twice", DuplicateKey, "the first is at line 4, column 12", "stages:\n  - all: { count: 1, ▸count: 2 }\n"),
        Below("top-level key given twice", DuplicateKey, "'seed' is given twice; the first is at line 3, column 1", "seed: 1\n▸seed: 2\n" + Stages),

        // The top level
        new("no version", MissingKey, "key 'version' is missing, e.g. version: 1", "▸model: m.onnx\n" + Stages),
        new("no model", MissingKey, "key 'model' is missing", "▸version: 1\n" + Stages),
        new("no stages", MissingKey, "key 'stages' is missing", "▸version: 1\nmodel: m.onnx\n"),
        new("version of the future", UnsupportedVersion, "version 2 is not known; this tool reads version 1; update the tool", "version: ▸2\nmodle: m.onnx\n"),
        new("version of the past", UnsupportedVersion, "version 0", "version: ▸0\n"),
        new("version in quotes", WrongType, "remove the quotes", "version: ▸\"1\"\nmodel: m.onnx\n" + Stages),
        Below("misspelled key", UnknownKey, "unknown key 'gate'; did you mean 'gates'? allowed: version, model", "▸gate: { limit: { max: 1% } }\n" + Stages),
        Below("key of something else", UnknownKey, "unknown key 'teacher'; allowed: version, model", "▸teacher: x\n" + Stages),
        Below("seed that is not whole", WrongType, "'seed' must be a whole number, not '1.5'", "seed: ▸1.5\n" + Stages),
        Below("seed beyond 64 bits", OutOfRange, "was 9223372036854775808", "seed: ▸9223372036854775808\n" + Stages),
        Below("no list of stages", WrongType, "begin each stage with '- '", "▸stages: { all: {} }\n"),
        Below("stages without value", NoValue, "'stages' has no value", "▸stages:\n"),
        Below("empty list of stages", NoStages, "at least one", "stages: ▸[]\n"),
        Below("gates as a list", WrongType, "'gates' must be a mapping", Stages + "gates: ▸[limit]\n"),

        // Paths
        new("weights as model", UnsupportedModel, "has weights alone; name its folder", "version: 1\nmodel: ▸unet.safetensors\n" + Stages),
        new("something else as model", UnsupportedModel, "is neither an .onnx file nor a folder", "version: 1\nmodel: ▸unet.tflite\n" + Stages),
        new("absolute path", InvalidPath, "absolute", "version: 1\nmodel: ▸/data/m.onnx\n" + Stages),
        new("path with a drive", InvalidPath, "absolute", "version: 1\nmodel: ▸C:/data/m.onnx\n" + Stages),
        new("backslash", InvalidPath, "write 'models/m.onnx'", "version: 1\nmodel: ▸models\\m.onnx\n" + Stages),
        new("address", InvalidPath, "is an address", "version: 1\nmodel: ▸https://example.org/m.onnx\n" + Stages),
        new("NUL in a path", InvalidPath, "is not a path", "version: 1\nmodel: ▸\"m\\0.onnx\"\n" + Stages),
        new("path out of the project", PathOutsideProject, "leaves the project's folder", "version: 1\nmodel: ▸../../m.onnx\n" + Stages),
        new("path out of the project and back beside it", PathOutsideProject, "leaves", "version: 1\nmodel: ▸../models2/m.onnx\n" + Stages),
        Options("option that leaves the project", PathOutsideProject, "leaves", "{ table: ▸../../../etc/passwd }"),
        Below("input of another format", UnsupportedInputFile, "'x.csv' is not a .npy file", "data: { inputs: { x: ▸x.csv } }\n" + Stages),
        Below("single input file of another format", UnsupportedInputFile, "is not a .safetensors file", "data: { inputs: ▸x.npy }\n" + Stages),
        Below("inputs as a list", WrongType, "'inputs' must be a .npy file for each input", "data: { inputs: ▸[x.npy] }\n" + Stages),

        // Outputs
        Below("output in a folder", InvalidOutputName, "names a folder", Stages + "outputs: [{ format: onnx, name: ▸out/m.onnx }]\n"),
        Below("output that Windows refuses", InvalidOutputName, "not a file name on every system", Stages + "outputs: [{ format: onnx, name: ▸'a:b.onnx' }]\n"),
        Below("output without extension", InvalidOutputName, "must end with .onnx, e.g. small.onnx", Stages + "outputs: { format: onnx, name: ▸small }\n"),
        Below("folder with the name of a file", InvalidOutputName, "is the name of a file; write a folder name, e.g. shop", Stages + "outputs: { format: diffusers, name: ▸shop.onnx }\n"),
        Below("folder of folders", InvalidOutputName, "names a folder", Stages + "outputs: { format: diffusers, name: ▸../net }\n"),
        Below("folder that is the one it is in", InvalidOutputName, "is not a folder name on every system", Stages + "outputs: { format: diffusers, name: ▸.. }\n"),
        Below("two outputs of one name", DuplicateOutput, "already at line 5", Stages + "outputs:\n  - { format: onnx, name: a.onnx }\n  - { format: onnx, name: ▸A.onnx }\n"),
        Below("unknown format", UnknownValue, "unknown format 'onx'; did you mean 'onnx'?", Stages + "outputs: [{ format: ▸onx }]\n"),
        Below("output without format", MissingKey, "needs the key 'format', e.g. format: onnx", Stages + "outputs: [▸{ name: a.onnx }]\n"),

        Below("unknown report", UnknownValue, "unknown report 'htm'; did you mean 'html'?", Stages + "report: ▸htm\n"),

        // Stages and gates
        Below("misspelled stage", UnknownStage, "unknown stage 'al'; did you mean 'all'?", "stages: [▸al]\n"),
        Below("stage that does not exist", UnknownStage, "; known: all, needy", "stages:\n  - ▸distillation: { steps: 1 }\n"),
        Below("options beside the stage", InvalidStage, "'count' stands beside 'all'; indent it further", "stages:\n  - all:\n    ▸count: 1\n"),
        Below("stage without kind", InvalidStage, "not nothing", "stages:\n  - all\n  -▸\n"),
        Below("list as a stage", InvalidStage, "not a list", "stages:\n  - ▸[all]\n"),
        Below("required option missing in a bare stage", MissingKey, "'needy' needs the key 'name', e.g. name: head", "stages: [▸needy]\n"),
        Below("required option missing", MissingKey, "'needy' needs the key 'name'", "stages:\n  - ▸needy: { weight: 1 }\n"),
        Below("scalar for options", WrongType, "'all' must be a mapping, not 'fp16'", "stages:\n  - all: ▸fp16\n"),
        Below("misspelled gate", UnknownGate, "unknown gate 'limt'; did you mean 'limit'?", Stages + "gates: { ▸limt: { max: 1% } }\n"),
        Below("gate without options", MissingKey, "'limit' needs the key 'max', e.g. max: 25%", Stages + "gates:\n  ▸limit:\n"),
        Options("rule of the stage", InvalidOption, "'flag' needs 'sizes'", "{ flag: ▸true }"),
        Options("rule of the stage about a list item", InvalidOption, "'nothing' is not a layer", "{ layers: { include: [a, ▸nothing] } }"),

        // Options
        Options("misspelled option", UnknownKey, "unknown key 'cuont' in 'all'; did you mean 'count'? allowed: flag, count", "{ ▸cuont: 1 }"),
        Options("option in another style", UnknownKey, "did you mean 'big-number'?", "{ ▸bigNumber: 1 }"),
        Options("misspelled nested option", UnknownKey, "unknown key 'includes' in 'layers'; did you mean 'include'? allowed: include, exclude", "{ layers: { ▸includes: [a] } }"),
        Options("misspelled choice", UnknownKey, "unknown key 'sparsty' in 'target'; did you mean 'sparsity'?", "{ target: { ▸sparsty: 50% } }"),
        Options("no choice", NotExactlyOne, "'target' needs one of: sparsity, macs", "{ ▸target: {} }"),
        Options("two choices", NotExactlyOne, "'macs' cannot stand beside 'sparsity'", "{ target: { sparsity: 50%, ▸macs: 50% } }"),
        Options("misspelled word", UnknownValue, "unknown criterion 'tayler'; did you mean 'taylor'?", "{ criterion: ▸tayler }"),
        Options("word in capitals", UnknownValue, "did you mean 'magnitude'?", "{ criterion: ▸Magnitude }"),
        Options("word far from all", UnknownValue, "; known: magnitude, taylor, diff-taylor, n:m", "{ criterion: ▸hessian }"),
        Options("yes for true", WrongType, "'flag' must be true or false, not 'yes'", "{ flag: ▸yes }"),
        Options("number in quotes", WrongType, "'count' must be a whole number, not '5'; remove the quotes", "{ count: ▸\"5\" }"),
        Options("text for a number", WrongType, "'count' must be a whole number, not 'many'", "{ count: ▸many }"),
        Options("exponent for a whole number", WrongType, "not '2e4'", "{ count: ▸2e4 }"),
        Options("misplaced underscore", WrongType, "not '20_'", "{ count: ▸20_ }"),
        Options("infinite number", WrongType, "'rate' must be a number, not '.inf'", "{ rate: ▸.inf }"),
        Options("number as text", WrongType, "put quotes around 5: \"5\"", "{ label: ▸5 }"),
        Options("bool as text", WrongType, "put quotes around true", "{ label: ▸true }"),
        Options("mapping for a number", WrongType, "not a mapping", "{ count: ▸{ a: 1 } }"),
        Options("list for text", WrongType, "not a list", "{ label: ▸[a] }"),
        Options("no value", NoValue, "'count' has no value; it must be a whole number", "{ ▸count: }"),
        Options("null", NoValue, "'label' has no value", "{ label: ▸~ }"),
        Options("too small", OutOfRange, "'count' must be between 1 and 100000 (was 0)", "{ count: ▸0 }"),
        Options("too large", OutOfRange, "(was 100001)", "{ count: ▸100_001 }"),
        Options("beyond 32 bits", OutOfRange, "(was 4294967296)", "{ count: ▸4294967296 }"),
        Options("below a limit", OutOfRange, "'rate' must be at least 0 (was -0.5)", "{ rate: ▸-0.5 }"),
        Options("share above one", OutOfRange, "'share' must be between 0% and 100% (was 150%)", "{ share: ▸150% }"),
        Options("share without percent sign", OutOfRange, "(was 5000%); did you mean 50%?", "{ share: ▸50 }"),
        Options("no share", WrongType, "'share' must be a share such as 50% or 0.5, not 'half'", "{ share: ▸half }"),
        Options("no size", WrongType, "'room' must be a size such as 500 MB or 4096, not '5 parsecs'", "{ room: ▸5 parsecs }"),
        Options("ambiguous limit", WrongType, "'limit' must be a share such as 25% or a size such as 10 MB, not '0.25'", "{ limit: ▸0.25 }"),
        Options("negative limit", WrongType, "not '-5%'", "{ limit: ▸-5% }"),
        Options("wrong list item", WrongType, "'sizes[1]' must be a whole number, not 'x'", "{ sizes: [1, ▸x, 2] }"),
        Options("list item out of range", OutOfRange, "'sizes[0]' must be at least 1 (was 0)", "{ sizes: [▸0] }"),
        Options("wrong value of a free key", WrongType, "'b' must be a number, not 'x'", "{ weights: { a: 1, b: ▸x } }"),
        Options("list for free keys", WrongType, "'weights' must be a mapping", "{ weights: ▸[1] }"),
        Options("record in a list without its key", MissingKey, "'parts[1]' needs the key 'name'", "{ parts: [{ name: x }, ▸{ weight: 1 }] }"),

        // Variables
        Below("undeclared variable", UndefinedVariable, "variable 'x' is not declared; declare it under variables:", "stages:\n  - all: { label: \"▸${x}\" }\n"),
        Below("misspelled variable inside text", UndefinedVariable, "variable 'nam' is not declared; did you mean 'name'?", "variables: { name: x }\nstages:\n  - all: { label: \"a-▸${nam}\", table: \"${name}\" }\n"),
        Below("unused variable", UnusedVariable, "variable 'x' is not used", "variables: { ▸x: 1 }\n" + Stages),
        Below("variable of the wrong type", WrongType, "'count' must be a whole number, not 'many' (from ${n})", "variables: { n: many }\nstages:\n  - all: { count: ▸\"${n}\" }\n"),
        Below("variable out of range", OutOfRange, "(was 150% (from ${s}))", "variables: { s: 150% }\nstages:\n  - all: { share: ▸\"${s}\" }\n"),
        Below("variable that uses a variable", InvalidVariable, "'b' uses another variable", "variables: { a: 1, b: ▸\"${a}\" }\nstages:\n  - all: { count: \"${a}\", big-number: \"${b}\" }\n"),
        Below("variable without value", InvalidVariable, "variable 'x' has no value; give it one, here or with --set x=VALUE", "variables: { ▸x: }\nstages:\n  - all: { label: \"${x}\" }\n"),
        Below("variable with a list", InvalidVariable, "must have a single value, not a list", "variables: { x: ▸[1] }\nstages:\n  - all: { label: \"${x}\" }\n"),
        Below("variable with an odd name", InvalidVariable, "'a b' is not a name", "variables: { ▸a b: 1 }\nstages: [all]\n"),
        Below("variables as a list", WrongType, "'variables' must be a mapping", "variables: ▸[a]\n" + Stages),
        Below("unclosed variable", InvalidVariable, "'${x' is not a variable; write ${name}, or $${", "stages:\n  - all: { label: \"▸${x\" }\n"),
        Below("expression", InvalidVariable, "is not a variable", "stages:\n  - all: { label: \"▸${1 + 2}\" }\n"),
        Below("set of an undeclared variable", UnknownOverride, "no variable 'shar'; did you mean 'share'?", "variables: { share: 1% }\nstages:\n  - all: { share: \"${share}\" }\n") with { Set = new() { ["shar"] = "50%" } },
        Below("set in a recipe without variables", UnknownOverride, "it declares none", Stages) with { Set = new() { ["x"] = "1" } },
    ];

    public static IEnumerable<object[]> Cases => s_cases.Select(item => new object[] { item });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Mistake_is_reported_at_its_place(BadRecipe recipe) => recipe.Check();

    [TestMethod]
    public void Every_error_about_the_text_has_a_case()
    {
        // Those without a place of their own in a text are tested in HostileRecipeTests and RecipeLoaderTests.
        string[] elsewhere = [FileNotFound.Id, ReadFailed.Id, TooLarge.Id, TooDeep.Id, TooManyNodes.Id, InvalidEncoding.Id, TooManyErrors.Id];
        var codes = typeof(RecipeErrors).GetFields().Select(field => ((Onnx.Diagnostics.ErrorCode)field.GetValue(null)!).Id);

        Assert.IsEmpty(codes.Except(elsewhere).Except(s_cases.Select(item => item.Code.Id)).ToArray());
    }
}
