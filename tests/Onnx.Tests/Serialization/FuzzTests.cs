using System.Diagnostics;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Tests.Protobuf;
using Google.Protobuf;

namespace CompressTool.Onnx.Tests.Serialization;

/// <summary>Damaged files give an error with a code or a model, never another exception, a crash or a long wait.</summary>
[TestClass]
public sealed class FuzzTests
{
    private const int Mutations = 2000;

    [TestMethod]
    public void Mutated_models_give_a_coded_error_or_a_model_that_can_be_saved()
    {
        var proto = EverythingModel.Create();
        proto.Graph.Initializer.Remove(proto.Graph.Initializer.Single(tensor => tensor.Name == "large_raw_data"));
        var survivors = Mutate(proto.ToByteArray(), bytes =>
        {
            using var model = Model.Parse(bytes);
            using var again = Model.Parse(model.ToBytes());
            CollectionAssert.AreEqual(model.ToBytes(), again.ToBytes());
        });

        // Most of the model is names and values, where a wrong byte is still a valid model.
        Assert.IsInRange(Mutations / 20, Mutations * 19 / 20, survivors);
    }

    [TestMethod]
    public void Mutated_npy_files_give_a_coded_error_or_a_tensor()
    {
        using var folder = new TempFolder();
        var path = folder.File("fuzz.npy");
        Mutate(File.ReadAllBytes(Repository.Fixture("unet2d", "io", "timestep.npy")), bytes =>
        {
            File.WriteAllBytes(path, bytes);
            Assert.AreEqual(NpyFile.Read(path).Data.Length, NpyFile.Read(path).ByteLength);
        });
    }

    [TestMethod]
    public void Mutated_safetensors_files_give_a_coded_error_or_tensors()
    {
        using var folder = new TempFolder();
        var path = folder.File("fuzz.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor>
        {
            ["a"] = Tensor.Floats([2, 2], 1, 2, 3, 4),
            ["b.weight"] = Tensor.Int64s(1, 2),
            ["c"] = Tensor.Create<byte>(DataType.UInt8, [3], [1, 2, 3]),
        }, [KeyValuePair.Create("format", "pt")]);
        Mutate(File.ReadAllBytes(path), bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using var file = SafetensorsFile.Open(path);
            foreach (var name in file.Names)
            {
                file[name].Data.ToBytes();
            }
        });
    }

    /// <summary>Tries many mutations; the number of those that were still valid.</summary>
    private static int Mutate(byte[] valid, Action<byte[]> read)
    {
        var survivors = 0;
        for (var seed = 0; seed < Mutations; seed++)
        {
            var bytes = Mutate(valid, new Random(seed));
            var watch = Stopwatch.StartNew();
            try
            {
                read(bytes);
                survivors++;
            }
            catch (CompressToolException)
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }

            Assert.IsLessThan(5000, watch.ElapsedMilliseconds, $"seed {seed}");
        }

        return survivors;
    }

    private static byte[] Mutate(byte[] valid, Random random)
    {
        var bytes = valid.ToList();
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            var index = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 20), bytes.Count - index);
            switch (random.Next(8))
            {
                case 0:
                    bytes[index] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[index] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.Insert(index, (byte)random.Next(256));
                    break;
                case 3:
                    bytes.RemoveRange(index, length);
                    break;
                case 4:
                    bytes.InsertRange(index, bytes.GetRange(random.Next(bytes.Count - length + 1), length));
                    break;
                case 5:
                    // A number of the greatest size, also as a length.
                    bytes.InsertRange(index, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
                    break;
                case 6:
                    bytes[index] = 0xFF;
                    break;
                default:
                    bytes.RemoveRange(index, bytes.Count - index);
                    break;
            }

            if (bytes.Count == 0)
            {
                break;
            }
        }

        return [.. bytes];
    }
}
