using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Store;

/// <summary>
/// Artifacts by key, in folders that are written under another name and then renamed: what is found is whole. May be
/// shared by projects, branches and concurrent builds of one machine.
/// </summary>
public sealed class ArtifactStore
{
    /// <summary>Artifacts used within this time are never cleaned away: a build may be about to read them.</summary>
    private static readonly TimeSpan s_protected = TimeSpan.FromHours(1);

    /// <summary>Work that nobody has gone on with for this time is given up by a clean-up.</summary>
    private static readonly TimeSpan s_abandoned = TimeSpan.FromDays(14);

    private readonly string _artifacts;
    private readonly string _temporary;
    private readonly string _locks;
    private readonly string _work;

    /// <summary>Opens or creates a store.</summary>
    /// <param name="folder">Its folder.</param>
    /// <exception cref="CompressToolException">The folder cannot be used.</exception>
    public ArtifactStore(string folder)
    {
        Folder = Path.GetFullPath(folder);
        _artifacts = Path.Combine(Folder, "artifacts");
        _temporary = Path.Combine(Folder, "tmp");
        _locks = Path.Combine(Folder, "locks");
        _work = Path.Combine(Folder, "work");
        try
        {
            Directory.CreateDirectory(_artifacts);
            Directory.CreateDirectory(_temporary);
            Directory.CreateDirectory(_locks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.IsFull(e) ? DiskErrors.Full(Folder, e)
                : new CompressToolException(StoreErrors.FolderUnusable, $"the artifact store '{Folder}' cannot be used: {e.Message}", inner: e);
        }

        Hashes = new FileHashes(Path.Combine(Folder, "hashes"));
    }

    /// <summary>Full path of the store.</summary>
    public string Folder { get; }

    /// <summary>Remembered hashes of input files.</summary>
    public FileHashes Hashes { get; }

    /// <summary>The artifact of a key; null when there is none. Counts as a use.</summary>
    public Artifact? Find(string key)
    {
        var folder = FolderOf(key);
        if (Artifact.Read(folder) is not { } artifact)
        {
            return null;
        }

        try
        {
            Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A store that may only be read still gives its artifacts.
        }

        return artifact;
    }

    /// <summary>Waits until this process alone may make the artifact of a key. Look for it again afterwards.</summary>
    public StoreLock Lock(string key, Action? waiting, CancellationToken cancellationToken) =>
        StoreLock.Acquire(Path.Combine(_locks, key + ".lock"), waiting, cancellationToken);

    /// <summary>Makes an artifact: <paramref name="create"/> writes its files into a folder and describes it. Call under the key's lock.</summary>
    /// <param name="key">The stage key.</param>
    /// <param name="create">Gets the folder to write into; gives the artifact, whose folder is that folder.</param>
    /// <exception cref="CompressToolException">The disk is full, or what <paramref name="create"/> throws; nothing is left behind then.</exception>
    public Artifact Commit(string key, Func<string, Artifact> create)
    {
        var temporary = Path.Combine(_temporary, key);
        var final = FolderOf(key);
        try
        {
            Delete(temporary);
            Directory.CreateDirectory(temporary);
            create(temporary).WriteDescription();
            Directory.CreateDirectory(Path.GetDirectoryName(final)!);
            Delete(final);
            Directory.Move(temporary, final);
            TryDelete(WorkFolder(key));
        }
        catch (Exception e)
        {
            TryDelete(temporary);
            if (DiskErrors.IsFull(e))
            {
                throw DiskErrors.Full(temporary, e);
            }

            throw;
        }

        return Artifact.Read(final) ?? throw new CompressToolException(StoreErrors.ArtifactLost, $"the artifact '{final}' disappeared while it was made; run again");
    }

    /// <summary>
    /// The folder in which a long stage keeps what lets it go on after it was cut off; it need not exist. It outlives failures, and
    /// goes when the artifact is there.
    /// </summary>
    public string WorkFolder(string key) => Path.Combine(_work, key);

    /// <summary>All artifacts with the time of their last use, the least recently used first.</summary>
    public IReadOnlyList<(Artifact Artifact, DateTime LastUsed)> List() =>
        [.. Directory.EnumerateDirectories(_artifacts).SelectMany(Directory.EnumerateDirectories)
            .Select(folder => (Artifact: Artifact.Read(folder), LastUsed: Directory.GetLastWriteTimeUtc(folder)))
            .Where(item => item.Artifact is not null).Select(item => (item.Artifact!, item.LastUsed))
            .OrderBy(item => item.LastUsed).ThenBy(item => item.Item1.Key, StringComparer.Ordinal)];

    /// <summary>
    /// Removes the least recently used artifacts until the rest fits, and what killed builds left behind. Artifacts in the
    /// making and those used within the last hour stay.
    /// </summary>
    /// <param name="maxBytes">How much may stay.</param>
    /// <param name="all">Removes recently used ones as well.</param>
    /// <returns>How many artifacts and bytes were removed.</returns>
    public (int Artifacts, long Bytes) Clean(long maxBytes, bool all = false)
    {
        var abandoned = Directory.Exists(_work) ? Directory.GetDirectories(_work).Where(folder => all || DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) > s_abandoned) : [];
        foreach (var folder in Directory.GetDirectories(_temporary).Concat(abandoned))
        {
            using var free = TryLock(Path.GetFileName(folder));
            if (free is not null)
            {
                TryDelete(folder);
            }
        }

        var artifacts = List();
        var total = artifacts.Sum(item => item.Artifact.Bytes);
        var removed = (Artifacts: 0, Bytes: 0L);
        foreach (var (artifact, lastUsed) in artifacts)
        {
            if (total <= maxBytes)
            {
                break;
            }

            if (!all && DateTime.UtcNow - lastUsed < s_protected)
            {
                continue;
            }

            using var free = TryLock(artifact.Key);
            if (free is not null)
            {
                Remove(artifact);
                total -= artifact.Bytes;
                removed = (removed.Artifacts + 1, removed.Bytes + artifact.Bytes);
            }
        }

        return removed;
    }

    /// <summary>Removes one artifact.</summary>
    public void Remove(Artifact artifact)
    {
        // Renamed first: a concurrent reader finds the whole artifact or none.
        var doomed = Path.Combine(_temporary, $"{artifact.Key}-{Guid.NewGuid():n}");
        Directory.Move(artifact.Folder, doomed);
        TryDelete(doomed);
    }

    private StoreLock? TryLock(string key) => StoreLock.TryAcquire(Path.Combine(_locks, key + ".lock"));

    private string FolderOf(string key) => Path.Combine(_artifacts, key[..2], key);

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next clean-up removes it.
        }
    }
}
