using System.Runtime.InteropServices;
using System.Text.Json;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed unsafe class NativeLibraryTests : IDisposable
{
    private static readonly string s_fileName = NativeLibraryLocator.FileNames[0];
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void First_place_in_order_wins()
    {
        var given = Touch("given", s_fileName);
        var variable = Touch("variable", s_fileName);
        var consumer = Touch("consumer", s_fileName);
        var bundled = Touch("base", "runtimes", NativeLibraryLocator.PortableRid, "native", s_fileName);
        var search = new NativeLibrarySearch
        {
            Given = given,
            EnvironmentValue = variable,
            Consumer = new NativeLibraryLocation(consumer, NativeLibraryOrigin.Consumer, "Microsoft.ML.OnnxRuntime 1.20.0"),
            BaseDirectory = _folder.File("base"),
            HostDirectories = [],
        };

        AssertLocation(given, "given by --onnxruntime", search);
        search = search with { Given = null };
        AssertLocation(variable, "given by the environment variable COMPRESS_ONNXRUNTIME", search);
        search = search with { EnvironmentValue = "" };
        AssertLocation(consumer, "referenced by the app: Microsoft.ML.OnnxRuntime 1.20.0", search);
        search = search with { Consumer = null };
        AssertLocation(bundled, "bundled", search);
        search = search with { BaseDirectory = _folder.File("elsewhere", "x") };
        AssertLocation("onnxruntime", "found by the system", search);
    }

    [TestMethod]
    public void Folder_may_hold_the_library_or_its_runtimes_folder()
    {
        var plain = Touch("plain", NativeLibraryLocator.FileNames[^1].Replace("*", "1.99.0", StringComparison.Ordinal));
        var package = Touch("package", "runtimes", NativeLibraryLocator.PortableRid, "native", s_fileName);

        AssertLocation(plain, "given by --onnxruntime", new NativeLibrarySearch { Given = _folder.File("plain") });
        AssertLocation(package, "given by --onnxruntime", new NativeLibrarySearch { Given = _folder.File("package") });
    }

    [TestMethod]
    public void Library_of_a_package_is_found_where_the_host_looks()
    {
        var path = Touch("packages", "native", s_fileName);
        var search = new NativeLibrarySearch { BaseDirectory = _folder.File("base", "x"), HostDirectories = [_folder.File("none", "x"), _folder.File("packages", "native")] };

        AssertLocation(path, "bundled", search);
    }

    [TestMethod]
    public void Given_place_without_library_is_an_error()
    {
        Directory.CreateDirectory(_folder.File("empty"));
        foreach (var search in new NativeLibrarySearch[]
        {
            new() { Given = _folder.File("missing.so") },
            new() { Given = _folder.File("empty") },
            new() { EnvironmentValue = _folder.File("missing.so") },
            new() { Consumer = new NativeLibraryLocation(_folder.File("missing.so"), NativeLibraryOrigin.Consumer) },
        })
        {
            var exception = Assert.ThrowsExactly<CompressToolException>(() => NativeLibraryLocator.Locate(search));

            Assert.AreSame(RuntimeErrors.LibraryNotFound, exception.Code);
            StringAssert.Contains(exception.Message, _folder.Path);
        }
    }

    [TestMethod]
    public void Library_that_is_nowhere_is_an_error_with_the_places()
    {
        var exception = NativeLibraryLocator.NotFound(new NativeLibrarySearch { BaseDirectory = "/some/base" }, new DllNotFoundException());

        Assert.AreSame(RuntimeErrors.LibraryNotFound, exception.Code);
        StringAssert.Contains(exception.Message, "/some/base");
        StringAssert.Contains(exception.Message, "--onnxruntime");
        StringAssert.Contains(exception.Message, "COMPRESS_ONNXRUNTIME");
    }

    [TestMethod]
    public void File_that_is_no_library_is_an_error()
    {
        var path = _folder.Write(s_fileName, "This is no library.");

        var exception = Assert.ThrowsExactly<CompressToolException>(() => OrtLibrary.Load(new NativeLibraryLocation(path, NativeLibraryOrigin.Given)));

        Assert.AreSame(RuntimeErrors.LibraryInvalid, exception.Code);
        StringAssert.Contains(exception.Message, path);
    }

    [TestMethod]
    public void Library_without_OrtGetApiBase_is_an_error()
    {
        var other = Directory.EnumerateFiles(RuntimeEnvironment.GetRuntimeDirectory(), OperatingSystem.IsWindows() ? "System.IO.Compression.Native.dll" : "libSystem.Native.*").First();

        var exception = Assert.ThrowsExactly<CompressToolException>(() => OrtLibrary.Load(new NativeLibraryLocation(other, NativeLibraryOrigin.Given)));

        Assert.AreSame(RuntimeErrors.LibraryInvalid, exception.Code);
        StringAssert.Contains(exception.Message, "OrtGetApiBase");
    }

    [TestMethod]
    public void Old_library_is_an_error_with_its_version()
    {
        var old = new OrtApiBase { GetApi = &NoApi, GetVersionString = &OldVersion };
        var exception = Assert.ThrowsExactly<CompressToolException>(() => Bind(old));

        Assert.AreSame(RuntimeErrors.LibraryTooOld, exception.Code);
        StringAssert.Contains(exception.Message, "1.16.3");
        StringAssert.Contains(exception.Message, "1.17");

        static void Bind(OrtApiBase old) => OrtLibrary.Bind(&old, new NativeLibraryLocation("old.so", NativeLibraryOrigin.Given));
    }

    [TestMethod]
    public void Newest_known_functions_are_asked_for()
    {
        var newer = new OrtApiBase { GetApi = &EchoApi, GetVersionString = &NewVersion };

        var library = OrtLibrary.Bind(&newer, new NativeLibraryLocation("new.so", NativeLibraryOrigin.Given));

        Assert.AreEqual("1.99.0", library.Version);
        Assert.AreEqual(OrtLibrary.KnownApiVersion, library.ApiVersion);
        Assert.AreEqual((nint)OrtLibrary.KnownApiVersion, (nint)library.Table);
    }

    [TestMethod]
    public void Environment_reports_the_library_in_use()
    {
        using var lockFile = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "native", "package.json")));
        var pinned = lockFile.RootElement.GetProperty("dependencies").GetProperty("onnxruntime-node").GetString();

        Assert.IsTrue(Version.TryParse(OrtEnvironment.Version, out _));
        if (OrtEnvironment.Library.Origin == NativeLibraryOrigin.Bundled && OrtEnvironment.Library.Path.Contains("runtimes", StringComparison.Ordinal))
        {
            Assert.AreEqual(pinned, OrtEnvironment.Version);
        }

        Assert.Contains("CPUExecutionProvider", OrtEnvironment.AvailableProviders);
        StringAssert.Contains(OrtEnvironment.BuildInfo, "ORT Build Info");
    }

    [TestMethod]
    public void Place_of_the_library_is_fixed_once_it_is_loaded()
    {
        _ = OrtEnvironment.Instance;

        Assert.ThrowsExactly<InvalidOperationException>(() => OrtEnvironment.LibraryPath = "/elsewhere");
        Assert.ThrowsExactly<InvalidOperationException>(() => OrtEnvironment.ConsumerLibrary = new NativeLibraryLocation("/elsewhere", NativeLibraryOrigin.Consumer));
        OrtEnvironment.LibraryPath = OrtEnvironment.LibraryPath; // No change, no error
    }

    private static void AssertLocation(string path, string reason, NativeLibrarySearch search)
    {
        var location = NativeLibraryLocator.Locate(search);
        Assert.AreEqual(path, location.Path);
        Assert.AreEqual(reason, location.Reason);
    }

    private string Touch(params string[] parts)
    {
        var path = _folder.File(parts);
        File.WriteAllText(path, "");
        return path;
    }

    [UnmanagedCallersOnly]
    private static OrtApi* NoApi(uint version) => null;

    [UnmanagedCallersOnly]
    private static OrtApi* EchoApi(uint version) => (OrtApi*)version;

    [UnmanagedCallersOnly]
    private static byte* OldVersion() => Literal("1.16.3\0"u8);

    [UnmanagedCallersOnly]
    private static byte* NewVersion() => Literal("1.99.0\0"u8);

    private static byte* Literal(ReadOnlySpan<byte> text) => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(text));
}
