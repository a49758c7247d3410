using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Tests.Store;

[TestClass]
public sealed class ArtifactStoreTests
{
    private static readonly string s_key = new('a', 64);
    private static readonly string s_otherKey = new('b', 64);

    [TestMethod]
    public void Committed_artifact_is_found_with_all_that_was_said_of_it()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);

        Commit(store, s_key, "model");
        var found = new ArtifactStore(folder.Path).Find(s_key);

        Assert.IsNotNull(found);
        Assert.AreEqual("model", File.ReadAllText(found.ModelPath));
        Assert.AreEqual(s_key, found.Key);
        Assert.AreEqual("prune", found.Kind);
        Assert.AreEqual(0.5, (double)found.Metrics["sparsity"]!);
        Assert.AreEqual(new ArtifactWarning("CMP4101", "a layer was skipped", "layers"), found.Warnings.Single());
    }

    [TestMethod]
    public void Missing_key_finds_nothing()
    {
        using var folder = new TempFolder();

        Assert.IsNull(new ArtifactStore(folder.Path).Find(s_key));
    }

    [TestMethod]
    public void Failed_work_leaves_nothing()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);

        Assert.ThrowsExactly<InvalidOperationException>(() => store.Commit(s_key, target =>
        {
            File.WriteAllText(Path.Combine(target, Artifact.ModelName), "half");
            throw new InvalidOperationException();
        }));

        Assert.IsNull(store.Find(s_key));
        Assert.IsEmpty(Directory.GetDirectories(Path.Combine(folder.Path, "tmp")));
    }

    [TestMethod]
    public void Folder_without_description_is_no_artifact_and_is_replaced()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);
        var artifact = Commit(store, s_key, "model");
        File.Delete(Path.Combine(artifact.Folder, Artifact.DescriptionName));

        Assert.IsNull(store.Find(s_key));
        Commit(store, s_key, "again");
        Assert.AreEqual("again", File.ReadAllText(store.Find(s_key)!.ModelPath));
    }

    [TestMethod]
    public void Truncated_model_is_no_artifact()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);
        File.WriteAllText(Commit(store, s_key, "model").ModelPath, "mod");

        Assert.IsNull(store.Find(s_key));
    }

    [TestMethod]
    public void Damage_that_keeps_the_length_is_found_by_hash()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);
        var artifact = Commit(store, s_key, "model");
        Assert.IsNull(artifact.FindDamage(CancellationToken.None));
        File.WriteAllText(artifact.ModelPath, "mOdel");

        Assert.AreEqual(Artifact.ModelName, store.Find(s_key)!.FindDamage(CancellationToken.None));
    }

    [TestMethod]
    public void Cleaning_removes_the_least_recently_used_first_and_spares_fresh_ones()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);
        var old = Commit(store, s_key, "12345");
        Commit(store, s_otherKey, "12345");
        Directory.SetLastWriteTimeUtc(old.Folder, DateTime.UtcNow.AddDays(-2));

        Assert.AreEqual((1, 5L), store.Clean(maxBytes: 0));
        Assert.IsNull(store.Find(s_key));
        Assert.IsNotNull(store.Find(s_otherKey));
        Assert.AreEqual((1, 5L), store.Clean(maxBytes: 0, all: true));
        Assert.IsNull(store.Find(s_otherKey));
    }

    [TestMethod]
    public void Cleaning_keeps_what_fits()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);
        Directory.SetLastWriteTimeUtc(Commit(store, s_key, "12345").Folder, DateTime.UtcNow.AddDays(-2));

        Assert.AreEqual((0, 0L), store.Clean(maxBytes: 5));
        Assert.IsNotNull(store.Find(s_key));
    }

    [TestMethod]
    public void Cleaning_removes_what_killed_builds_left_but_not_what_is_being_made()
    {
        using var folder = new TempFolder();
        var store = new ArtifactStore(folder.Path);
        var left = Path.Combine(folder.Path, "tmp", s_key);
        var busy = Path.Combine(folder.Path, "tmp", s_otherKey);
        Directory.CreateDirectory(left);
        Directory.CreateDirectory(busy);

        using (store.Lock(s_otherKey, null, CancellationToken.None))
        {
            store.Clean(long.MaxValue);
        }

        Assert.IsFalse(Directory.Exists(left));
        Assert.IsTrue(Directory.Exists(busy));
    }

    [TestMethod]
    public void Lock_is_exclusive_and_free_after_disposal()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.lock");
        var first = StoreLock.TryAcquire(path);

        Assert.IsNotNull(first);
        Assert.IsNull(StoreLock.TryAcquire(path));
        first.Dispose();
        using var second = StoreLock.TryAcquire(path);
        Assert.IsNotNull(second);
    }

    [TestMethod]
    public void Waiting_for_a_lock_can_be_cancelled()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.lock");
        using var held = StoreLock.TryAcquire(path);
        using var source = new CancellationTokenSource(50);

        Assert.Throws<OperationCanceledException>(() => StoreLock.Acquire(path, null, source.Token));
    }

    [TestMethod]
    public void File_in_the_place_of_the_store_is_a_coded_error()
    {
        using var folder = new TempFolder();
        var path = folder.Write("store", "a file");

        var error = Assert.ThrowsExactly<CompressToolException>(() => new ArtifactStore(path));

        Assert.AreEqual(StoreErrors.FolderUnusable, error.Code);
        Assert.Contains(path, error.Message);
    }

    [TestMethod]
    public void Full_disk_is_told_from_other_errors()
    {
        Assert.IsTrue(DiskErrors.IsFull(new IOException("no space", 28)));
        Assert.IsTrue(DiskErrors.IsFull(new InvalidOperationException("", new IOException("no space", unchecked((int)0x80070070)))));
        Assert.IsFalse(DiskErrors.IsFull(new IOException("busy", 16)));
    }

    [TestMethod]
    public void Hash_of_a_changed_file_is_the_new_one()
    {
        using var folder = new TempFolder();
        var hashes = new FileHashes(folder.File("hashes", "x")[..^2]);
        var path = folder.Write("model", "one");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-2));
        var first = hashes.Get(path, CancellationToken.None);

        // Remembered: neither length nor time tells of the change.
        File.WriteAllText(path, "two");
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddHours(-1));
        var second = hashes.Get(path, CancellationToken.None);

        Assert.AreEqual("7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", first);
        Assert.AreEqual("3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3", second);
    }

    [TestMethod]
    public void Hash_of_a_long_file_is_that_of_the_hashes_of_its_pieces()
    {
        using var folder = new TempFolder();
        const int Piece = 16 << 20;
        var bytes = new byte[(2 * Piece) + 5];
        new Random(1).NextBytes(bytes);
        var path = folder.File("model");
        File.WriteAllBytes(path, bytes);
        byte[][] pieces = [SHA256.HashData(bytes.AsSpan(0, Piece)), SHA256.HashData(bytes.AsSpan(Piece, Piece)), SHA256.HashData(bytes.AsSpan(2 * Piece))];

        var hash = new FileHashes(null).Get(path, CancellationToken.None);

        Assert.AreEqual(Convert.ToHexStringLower(SHA256.HashData(pieces.SelectMany(piece => piece).ToArray())), hash);
    }

    [TestMethod]
    public void Hash_is_not_computed_twice_for_an_unchanged_file()
    {
        using var folder = new TempFolder();
        var hashes = new FileHashes(folder.File("hashes", "x")[..^2]);
        var path = folder.Write("model", "one");
        var time = DateTime.UtcNow.AddHours(-2);
        File.SetLastWriteTimeUtc(path, time);
        var first = hashes.Get(path, CancellationToken.None);

        // The same length and time: the memory answers, which shows that the file is not read again.
        File.WriteAllText(path, "two");
        File.SetLastWriteTimeUtc(path, time);

        Assert.AreEqual(first, hashes.Get(path, CancellationToken.None));
    }

    private static Artifact Commit(ArtifactStore store, string key, string content) => store.Commit(key, folder =>
    {
        var path = Path.Combine(folder, Artifact.ModelName);
        File.WriteAllText(path, content);
        return new Artifact(folder, key, "prune", new JsonObject { ["kind"] = "prune" },
            [new ArtifactFile(Artifact.ModelName, new FileInfo(path).Length, FileHashes.Sha256(path, CancellationToken.None))],
            new JsonObject { ["sparsity"] = 0.5 }, [new ArtifactWarning("CMP4101", "a layer was skipped", "layers")]);
    });
}
