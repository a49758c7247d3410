using System.Globalization;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>
/// What a diffusion model really sees: the noisy samples of its own sampler, each with the timestep at which it came and with and without the
/// condition where there is guidance. Kept in files, one for each run, as an artifact: another scheme or method needs the same.
/// </summary>
internal sealed class SampledInputs : ICalibrationInputs
{
    private const string Prefix = "step-";
    private readonly string[] _files;
    private readonly string? _ownFolder;

    private SampledInputs(string folder, bool isOwn = false)
    {
        _ownFolder = isOwn ? folder : null;
        _files = [.. Directory.EnumerateFiles(folder, Prefix + "*.safetensors").Order(StringComparer.Ordinal)];
    }

    /// <inheritdoc/>
    public int Runs => _files.Length;

    /// <summary>Draws the samples, or takes those that were drawn before.</summary>
    /// <param name="model">The model, as it is in its file.</param>
    /// <param name="samples">Which samples.</param>
    /// <param name="timesteps">At how many timesteps they are kept at most.</param>
    /// <param name="context">Where they are kept.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The model cannot be sampled from so.</exception>
    public static SampledInputs Open(Model model, ModelSampleOptions samples, int timesteps, StageContext context)
    {
        using var recording = new Recording(model, samples, timesteps, context);
        if (context.Share is not { } share || model.Path is null)
        {
            var folder = context.WorkFolder is { } work ? Directory.CreateDirectory(Path.Combine(work, "calibration")).FullName : Directory.CreateTempSubdirectory("compresstool-").FullName;
            recording.Run(folder);
            return new SampledInputs(folder, isOwn: context.WorkFolder is null);
        }

        return new SampledInputs(share(new SharedArtifact("calibration-samples", recording.Describe(), recording.Run)));
    }

    /// <inheritdoc/>
    public CalibrationFeeds Read(int run, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var file = SafetensorsFile.Open(_files[run]);
        var step = int.Parse(Path.GetFileName(_files[run]).AsSpan(Prefix.Length, 4), CultureInfo.InvariantCulture);
        return new CalibrationFeeds(file.Names.ToDictionary(name => name, name => NdArray.From(file[name])), step);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownFolder is not null && Directory.Exists(_ownFolder))
        {
            Directory.Delete(_ownFolder, recursive: true);
        }
    }

    private sealed class Recording : IDisposable
    {
        private readonly Model _model;
        private readonly ModelSampleOptions _samples;
        private readonly StageContext _context;
        private readonly Denoiser _denoiser;
        private readonly PictureSampling _sampling;
        private readonly int _evaluations;
        private readonly int _kept;
        private string _folder = "";
        private string _lastTimestep = "";
        private int _evaluation;
        private int _runs;

        public Recording(Model model, ModelSampleOptions samples, int timesteps, StageContext context)
        {
            (_model, _samples, _context) = (model, samples, context);
            _denoiser = new Denoiser(new RecordingFunction(model.Graph, () => new OnnxRuntimeEngine().CompileUnchanged(model, InstrumentedModel.Options(model), context.CancellationToken), Record));
            _sampling = ModelSampling.Create(samples, model, _denoiser, decoder: null);
            _evaluations = _sampling.Evaluations / (samples.Guidance == 1 ? 1 : 2);
            _kept = Math.Min(timesteps, _evaluations);
        }

        public Dictionary<string, string> Describe() => new()
        {
            ["model"] = string.Join(' ', _model.Files.Select(_context.HashOf)),
            ["scheduler"] = _sampling.Config.ToString(),
            ["options"] = string.Create(CultureInfo.InvariantCulture, $"{_samples.Count} {_samples.Sampler} {_sampling.Steps} {_samples.Guidance:R} {_samples.Seed} {_samples.Batch}"),
            ["timesteps"] = _kept.ToString(CultureInfo.InvariantCulture),
            ["classes"] = string.Create(CultureInfo.InvariantCulture, $"{_sampling.Classes} {_sampling.NullClass}"),
            ["size"] = string.Join('x', _denoiser.SampleShape(_sampling.Size)),
            ["files"] = string.Join(' ', _samples.Inputs.Concat(_samples.NullInputs).Select(file => $"{file.Key}={_context.HashOf(file.Value.FullPath)}")),
            ["engine"] = new OnnxRuntimeEngine().Version,
        };

        /// <summary>Draws the samples, some at once, so that memory does not grow with their number.</summary>
        public void Run(string folder)
        {
            _folder = folder;
            var noise = new TorchGenerator(_samples.Seed);
            for (var first = 0; first < _samples.Count; first += _samples.Batch)
            {
                _evaluation = -1;
                _lastTimestep = "";
                var start = first;
                _sampling.DrawPart(_denoiser, first, Math.Min(_samples.Batch, _samples.Count - first), noise, done => Report(start + done), _context.CancellationToken);
            }

            void Report(double done) =>
                _context.Report(0, string.Create(CultureInfo.InvariantCulture, $"drawing samples to calibrate with, {done:0} of {_samples.Count}"));
        }

        public void Dispose() => _denoiser.Dispose();

        private void Record(IReadOnlyDictionary<string, NativeArray> inputs)
        {
            // Several runs may belong to one evaluation of the sampler; its timestep tells them from the next.
            var timestep = Convert.ToHexString(inputs[_denoiser.Timestep.Name].AsSpan<byte>());
            _evaluation += timestep == _lastTimestep ? 0 : 1;
            _lastTimestep = timestep;
            if (StepOf(_evaluation) is { } step)
            {
                var path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:0000}-{_runs++:000000}.safetensors"));
                SafetensorsFile.Write(path, inputs.Select(input => KeyValuePair.Create(input.Key, input.Value.ToNdArray().ToTensor())), cancellationToken: _context.CancellationToken);
            }
        }

        /// <summary>The number of an evaluation among those that are kept, which are evenly spaced; null for the others.</summary>
        private int? StepOf(int evaluation)
        {
            var step = (int)((((long)evaluation * _kept) + _evaluations - 1) / _evaluations);
            return step < _kept && (long)step * _evaluations / _kept == evaluation ? step : null;
        }
    }
}
