using System.Security.Cryptography;
using System.Text;
using CompressTool.Diffusion.Data;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Store;

/// <summary>
/// SHA-256 of files, remembered by path, length and time of change, so that a model of several GB is hashed once. A file
/// changed within two seconds before it was hashed is not remembered: its time could not tell a second change.
/// </summary>
/// <param name="folder">Where the remembered hashes are; null remembers nothing.</param>
public sealed class FileHashes(string? folder)
{
    private const int BufferSize = 1 << 20;

    /// <summary>The hash over names and hashes of a set of files; that of the file itself when there is one alone.</summary>
    /// <exception cref="CompressToolException">A file is missing or cannot be read.</exception>
    public string Get(FileSet files, CancellationToken cancellationToken)
    {
        if (files.Names.Count == 1)
        {
            return Get(files.Paths.First(), cancellationToken);
        }

        // One note for the whole set: a note for each of many small images would cost more than hashing them again.
        var infos = files.Paths.Select(path => new FileInfo(path)).ToArray();
        var stamp = Hash(string.Concat(files.Names.Zip(infos, (name, info) => $"{name}\n{(info.Exists ? info.Length : -1)} {info.LastWriteTimeUtc.Ticks}\n")));
        return Remembered(files.Root + "\n" + string.Join('\n', files.Names), stamp, infos.Max(info => info.LastWriteTimeUtc), () => Hash(string.Concat(files.Names.Select(name =>
            $"{name}\n{Sha256(files.PathOf(name), cancellationToken)}\n"))));
    }

    /// <summary>The hash of a file, lower-case hexadecimal.</summary>
    /// <exception cref="CompressToolException">The file is missing or cannot be read.</exception>
    public string Get(string path, CancellationToken cancellationToken)
    {
        var info = new FileInfo(path);
        if (!info.Exists)
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"the file '{path}' does not exist");
        }

        return Remembered(info.FullName, $"{info.Length} {info.LastWriteTimeUtc.Ticks}", info.LastWriteTimeUtc, () => Sha256(path, cancellationToken));
    }

    private string Remembered(string name, string stamp, DateTime changed, Func<string> compute)
    {
        var memo = folder is null ? null : Path.Combine(folder, Hash(name)[..32]);
        if (memo is not null && Read(memo) is [var rememberedStamp, { Length: 64 } remembered] && rememberedStamp == stamp)
        {
            return remembered;
        }

        var hash = compute();
        if (memo is not null && DateTime.UtcNow - changed > TimeSpan.FromSeconds(2))
        {
            AtomicFile.Write(memo, $"{stamp}\n{hash}\n");
        }

        return hash;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Hashes a file.</summary>
    internal static string Sha256(string path, CancellationToken cancellationToken)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = new byte[BufferSize];
            while (file.Read(buffer) is var count and > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, count);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"the file '{path}' does not exist", inner: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{path}' cannot be read: {e.Message}", inner: e);
        }
    }

    private static string[]? Read(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
