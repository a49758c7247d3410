using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CompressTool.Tool.Tests.Reports;

/// <summary>A page in a headless Chromium, driven by its DevTools protocol, which also tells what goes wrong in the page.</summary>
internal sealed partial class Browser : IAsyncDisposable
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    private readonly TempFolder _profile;
    private readonly Process _process;
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _timeout = new(TimeSpan.FromMinutes(3));
    private int _lastId;

    private Browser(TempFolder profile, Process process) => (_profile, _process) = (profile, process);

    /// <summary>The browser on the path; null when there is none.</summary>
    public static string? Executable { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => s_names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    /// <summary>Errors that the page wrote or threw since the last navigation.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>What the page asked for since the last navigation, but for what it carries itself.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Starts the browser with an empty page.</summary>
    public static async Task<Browser> StartAsync()
    {
        var profile = new TempFolder();
        var process = Process.Start(new ProcessStartInfo(Executable!,
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0", $"--user-data-dir={profile.Path}", "about:blank"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        process.BeginOutputReadLine();
        var browser = new Browser(profile, process);
        try
        {
            await browser.ConnectAsync();
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a file in a window of some size and waits until it is drawn.</summary>
    public async Task OpenAsync(string file, int width, int height, bool dark)
    {
        await SendAsync("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 2, ["mobile"] = width < 600 });
        await SendAsync("Emulation.setEmulatedMedia", new() { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" }) });
        Errors.Clear();
        Requests.Clear();
        await SendAsync("Page.navigate", new() { ["url"] = new Uri(file).AbsoluteUri });
        Assert.AreEqual("complete", (string?)await EvaluateAsync("new Promise(done => { const ready = () => requestAnimationFrame(() => requestAnimationFrame(() => done(document.readyState))); document.readyState === 'complete' ? ready() : addEventListener('load', ready); })"));
    }

    /// <summary>The value of a JavaScript expression in the page, awaited.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        var result = await SendAsync("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        Assert.IsNull(result["exceptionDetails"], $"{expression}: {result["exceptionDetails"]?.ToJsonString()}");
        return result["result"]!["value"];
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _timeout.Dispose();
        _profile.Dispose();
    }

    private async Task ConnectAsync()
    {
        var address = new TaskCompletionSource<string>();
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                address.TrySetException(new InvalidOperationException($"{Executable} ended at once."));
            }
            else if (Address.Match(line.Data) is { Success: true } match)
            {
                address.TrySetResult(match.Groups[1].Value);
            }
        };
        _process.BeginErrorReadLine();
        var port = await address.Task.WaitAsync(_timeout.Token);
        using var http = new HttpClient();
        var targets = await http.GetFromJsonAsync<JsonArray>($"http://127.0.0.1:{port}/json/list", _timeout.Token);
        await _socket.ConnectAsync(new Uri((string)targets!.First(target => (string?)target!["type"] == "page")!["webSocketDebuggerUrl"]!), _timeout.Token);
        foreach (var domain in new[] { "Page", "Runtime", "Log", "Network" })
        {
            await SendAsync($"{domain}.enable", []);
        }
    }

    private async Task<JsonObject> SendAsync(string method, JsonObject parameters)
    {
        var id = ++_lastId;
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters };
        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, _timeout.Token);
        while (true)
        {
            var answer = await ReceiveAsync();
            if ((int?)answer["id"] == id)
            {
                Assert.IsNull(answer["error"], $"{method}: {answer["error"]?.ToJsonString()}");
                return answer["result"]!.AsObject();
            }

            Note((string)answer["method"]!, answer["params"]!.AsObject());
        }
    }

    private void Note(string method, JsonObject parameters)
    {
        if (method == "Runtime.exceptionThrown"
            || (method == "Log.entryAdded" && (string?)parameters["entry"]!["level"] is "error" or "warning")
            || (method == "Runtime.consoleAPICalled" && (string?)parameters["type"] is "error" or "warning" or "assert"))
        {
            Errors.Add(parameters.ToJsonString());
        }
        else if (method == "Network.requestWillBeSent" && (string)parameters["request"]!["url"]! is var url && !url.StartsWith("data:", StringComparison.Ordinal))
        {
            Requests.Add(url);
        }
    }

    private async Task<JsonObject> ReceiveAsync()
    {
        using var message = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer, _timeout.Token);
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
            {
                message.Position = 0;
                return JsonNode.Parse(message)!.AsObject();
            }
        }
    }

    [GeneratedRegex(@"^DevTools listening on ws://[^:]+:(\d+)/")]
    private static partial Regex Address { get; }
}
