using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using CompressTool.Diffusion.Data;
using CompressTool.Onnx.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace CompressTool.Recipes.Store;

/// <summary>
/// Hashes of files, remembered by path, length and time of change, so that a model of several GB is hashed once. A file
/// changed within two seconds before it was hashed is not remembered: its time could not tell a second change. The hash is the
/// SHA-256 of the file, or of the SHA-256s of its pieces where it is longer than one, so that all processors work on it.
/// </summary>
/// <param name="folder">Where the remembered hashes are; null remembers nothing.</param>
public sealed class FileHashes(string? folder)
{
    private const int BufferSize = 1 << 20;

    /// <summary>Bytes of a piece of a long file.</summary>
    private const int PieceSize = 16 << 20;

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
            $"{name}\n{Compute(files.PathOf(name), cancellationToken)}\n"))));
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

        return Remembered(info.FullName, $"{(info.Length > PieceSize ? "pieces " : "")}{info.Length} {info.LastWriteTimeUtc.Ticks}", info.LastWriteTimeUtc, () => Compute(path, cancellationToken));
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

    /// <summary>The SHA-256 of a file.</summary>
    internal static string Sha256(string path, CancellationToken cancellationToken) => Read(path, file =>
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, file, 0, long.MaxValue, cancellationToken);
        return hash.GetHashAndReset();
    });

    private static string Compute(string path, CancellationToken cancellationToken) => Read(path, file =>
    {
        var pieces = new byte[(int)Math.Max(1, (RandomAccess.GetLength(file) + PieceSize - 1) / PieceSize)][];
        var options = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, pieces.Length, options, index =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Append(hash, file, (long)index * PieceSize, PieceSize, cancellationToken);
            pieces[index] = hash.GetHashAndReset();
        });
        return pieces.Length == 1 ? pieces[0] : SHA256.HashData(pieces.SelectMany(piece => piece).ToArray());
    });

    private static void Append(IncrementalHash hash, SafeFileHandle file, long from, long length, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (var (at, end) = (from, from + Math.Min(length, long.MaxValue - from)); at < end;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(BufferSize, end - at)), at);
                if (count == 0)
                {
                    return;
                }

                hash.AppendData(buffer, 0, count);
                at += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Read(string path, Func<SafeFileHandle, byte[]> hash)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileOptions.SequentialScan);
            return Convert.ToHexStringLower(hash(file));
        }
        catch (AggregateException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{path}' cannot be read: {e.InnerException.Message}", inner: e);
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
