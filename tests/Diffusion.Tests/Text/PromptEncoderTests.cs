using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Text;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Tests.Text;

/// <summary>Embeddings against those that PyTorch computed for the tokens that the prompt becomes.</summary>
[TestClass]
public sealed class PromptEncoderTests
{
    private const int Tokens = 9, Channels = 16;
    private const double Tolerance = 2e-5;

    private static readonly Half s_zero = (Half)0;

    [TestMethod]
    public void One_encoder_gives_its_output()
    {
        using var folder = new TempFolder();
        var encoder = Open(folder, second: false);
        var embedding = Encode(encoder, TextPipeline.Prompt);

        Assert.IsFalse(encoder.IsLarge);
        Assert.AreEqual(7.5, encoder.UsualGuidance);
        Assert.IsNull(embedding.Pooled);
        Assert.AreSequenceEqual([1L, Tokens, Channels], embedding.Hidden.Dims);
        AssertClose(Row("clip-text", "last_hidden_state"), embedding.Hidden);
    }

    [TestMethod]
    public void Two_encoders_give_what_goes_into_their_last_layers_and_a_vector_for_the_prompt()
    {
        using var folder = new TempFolder();
        var encoder = Open(folder, second: true);
        var embedding = Encode(encoder, TextPipeline.Prompt);

        Assert.IsTrue(encoder.IsLarge);
        Assert.AreEqual(5, encoder.UsualGuidance);
        AssertClose(SideBySide(Row("clip-text", "penultimate_hidden_state"), Row("clip-projection", "penultimate_hidden_state")), embedding.Hidden);
        AssertClose(Row("clip-projection", "text_embeds"), embedding.Pooled!);
    }

    [TestMethod]
    public void Layers_are_left_out_before_the_last_normalisation()
    {
        using var folder = new TempFolder();
        var embedding = Open(folder, second: false).Encode([TextPipeline.Prompt], 1, new OnnxRuntimeEngine(), null, EmbeddingStore.None)[0];

        using var weights = SafetensorsFile.Open(Repository.Fixture("import", "clip-text", "model.safetensors"));
        float[] scale = weights["text_model.final_layer_norm.weight"].ToFloats(), shift = weights["text_model.final_layer_norm.bias"].ToFloats();
        var expected = new List<float>();
        foreach (var token in Row("clip-text", "penultimate_hidden_state").Chunk(Channels))
        {
            var mean = token.Average();
            var deviation = Math.Sqrt(token.Average(x => (x - mean) * (x - mean)) + 1e-5);
            expected.AddRange(token.Select((x, i) => (float)(((x - mean) / deviation * scale[i]) + shift[i])));
        }

        AssertClose(expected, embedding.Hidden);
    }

    [TestMethod]
    public void Layers_that_are_left_out_of_two_encoders_count_from_the_one_before_the_last()
    {
        using var folder = new TempFolder();
        var encoder = Open(folder, second: true);
        var embedding = encoder.Encode([TextPipeline.Prompt], 1, new OnnxRuntimeEngine(), null, EmbeddingStore.None)[0];

        // Of two layers, what goes into the first: the embeddings of tokens and places.
        AssertClose(SideBySide(Embedded("clip-text"), Embedded("clip-projection")), embedding.Hidden);
        AssertClose(Row("clip-projection", "text_embeds"), embedding.Pooled!);
        Assert.Contains("2 layers, of which 2 cannot be left out", Assert.ThrowsExactly<CompressToolException>(() => encoder.Encode(["red"], 2, new OnnxRuntimeEngine(), null, EmbeddingStore.None)).Message);

        static IReadOnlyList<float> Embedded(string fixture)
        {
            using var weights = SafetensorsFile.Open(Repository.Fixture("import", fixture, "model.safetensors"));
            float[] words = weights["text_model.embeddings.token_embedding.weight"].ToFloats(), places = weights["text_model.embeddings.position_embedding.weight"].ToFloats();
            var ids = NpyFile.Read(Repository.Fixture("import", fixture, "io", "input_ids.npy")).ToArray<long>()[..Tokens];
            return [.. ids.Index().SelectMany(token => Enumerable.Range(0, Channels).Select(i => words[(token.Item * Channels) + i] + places[(token.Index * Channels) + i]))];
        }
    }

    [TestMethod]
    public void What_is_not_wanted_is_the_empty_prompt_or_zeros()
    {
        using var folder = new TempFolder();
        var small = Open(folder, second: false);
        var engine = new OnnxRuntimeEngine();
        Assert.AreSequenceEqual(Encode(small, "").Hidden.AsSpan<float>().ToArray(), small.EncodeNegative(null, Encode(small, "red"), engine, null, EmbeddingStore.None).Hidden.AsSpan<float>().ToArray());

        using var other = new TempFolder();
        var large = Open(other, second: true);
        var like = Encode(large, "red");
        var zeros = large.EncodeNegative(null, like, engine, null, EmbeddingStore.None);
        Assert.IsTrue(zeros.Hidden.AsSpan<float>().ToArray().All(x => x == 0) && zeros.Pooled!.AsSpan<float>().ToArray().All(x => x == 0));
        Assert.AreSequenceEqual(like.Hidden.Dims, zeros.Hidden.Dims);
        Assert.AreSequenceEqual(Encode(large, "red").Hidden.AsSpan<float>().ToArray(), large.EncodeNegative("red", like, engine, null, EmbeddingStore.None).Hidden.AsSpan<float>().ToArray());

        other.Write("model_index.json", """{ "_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": false }""");
        Assert.AreSequenceEqual(Encode(large, "").Hidden.AsSpan<float>().ToArray(), PromptEncoder.Open(other.Path).EncodeNegative(null, like, engine, null, EmbeddingStore.None).Hidden.AsSpan<float>().ToArray());
    }

    [TestMethod]
    public void Embeddings_are_made_once_for_the_same_content()
    {
        using var folder = new TempFolder();
        var encoder = Open(folder, second: true);
        var store = new CountingStore(folder.File("store"));
        var engine = new OnnxRuntimeEngine();

        var first = encoder.Encode(["red", TextPipeline.Prompt, "red"], 0, engine, null, store);
        Assert.AreEqual(4, store.Made);
        var second = encoder.Encode([TextPipeline.Prompt, "Red"], 0, engine, null, store);
        Assert.AreEqual(4, store.Made);
        Assert.AreSequenceEqual(first[1].Hidden.AsSpan<float>().ToArray(), second[0].Hidden.AsSpan<float>().ToArray());
        Assert.AreSequenceEqual(first[0].Pooled!.AsSpan<float>().ToArray(), second[1].Pooled!.AsSpan<float>().ToArray());
        encoder.Encode(["red"], 1, engine, null, store);
        Assert.AreEqual(6, store.Made);
        store.Salt = "other weights";
        encoder.Encode(["red"], 0, engine, null, store);
        Assert.AreEqual(8, store.Made);
    }

    [TestMethod]
    public void Long_prompts_are_told()
    {
        using var folder = new TempFolder();
        Assert.AreEqual(0, Open(folder, second: false).Dropped("red red red red red red red"));
        Assert.AreEqual(2, PromptEncoder.Open(folder.Path).Dropped("red red red red red red red red red"));
    }

    [TestMethod]
    public void Other_encoders_are_refused()
    {
        using var folder = new TempFolder();
        Refused("has no text encoder: prompts need a diffusers folder with tokenizer and text_encoder");
        folder.Write("text_encoder/config.json", """{ "architectures": ["T5EncoderModel"] }""");
        Refused("reads prompts with a T5EncoderModel (text_encoder), which is not supported (CLIPTextModel and CLIPTextModelWithProjection are); compute the embeddings elsewhere and give them as arrays (--input name=file.npy)");
        Directory.Delete(folder.File("text_encoder"), recursive: true);
        TextPipeline.Write(folder, second: true);
        folder.Write("text_encoder_3/config.json", """{ "architectures": ["T5EncoderModel"] }""");
        Refused("has a further text encoder, text_encoder_3");

        void Refused(string message)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => PromptEncoder.Open(folder.Path));
            Assert.AreSame(DiffusionErrors.InvalidCondition, error.Code);
            Assert.Contains(message, error.Message);
        }
    }

    [TestMethod]
    public void Tokenizer_of_another_length_is_refused()
    {
        using var folder = new TempFolder();
        Open(folder, second: false);
        folder.Write("tokenizer/tokenizer_config.json", """{ "model_max_length": 12, "pad_token": "<pad>" }""");
        var error = Assert.ThrowsExactly<CompressToolException>(() => Encode(PromptEncoder.Open(folder.Path), "red"));
        Assert.AreSame(DiffusionErrors.InvalidTokenizer, error.Code);
        Assert.Contains("makes 12 tokens of a prompt (model_max_length), and the text encoder takes 9", error.Message);
    }

    [TestMethod]
    public void Inputs_of_the_model_follow_from_prompts()
    {
        using var denoiser = Denoiser(DataType.Float16, ("encoder_hidden_states", [2, 3]), ("text_embeds", [2]), ("time_ids", [6]), ("timestep_cond", [4]));
        PromptEmbedding[] prompts = [Embedding(1), Embedding(2)];
        var conditions = PromptConditions.Create(denoiser, prompts, Embedding(5), 3, new ImageSize(24, 40), 8.5, []);

        Assert.AreSequenceEqual([3L, 2, 3], conditions.With["encoder_hidden_states"].Dims);
        Assert.AreSequenceEqual([.. Half(1, 6), .. Half(2, 6), .. Half(1, 6)], conditions.With["encoder_hidden_states"].AsSpan<Half>().ToArray());
        Assert.AreSequenceEqual([.. Half(11, 2), .. Half(12, 2), .. Half(11, 2)], conditions.With["text_embeds"].AsSpan<Half>().ToArray());
        Assert.AreSequenceEqual(new[] { (Half)24, (Half)40, s_zero, s_zero, (Half)24, (Half)40 }, conditions.With["time_ids"].AsSpan<Half>().ToArray());
        Assert.AreSequenceEqual(Half(5, 6), conditions.Without["encoder_hidden_states"].AsSpan<Half>().ToArray());
        Assert.AreSequenceEqual(["encoder_hidden_states", "text_embeds"], conditions.Without.Keys.Order());

        // w = 7.5, as 7500 times frequencies 1 and 1/10000.
        double[] sinusoids = [Math.Sin(7500), Math.Sin(0.75), Math.Cos(7500), Math.Cos(0.75)];
        AssertClose([.. sinusoids.Select(x => (float)x)], NdArray.Create(Array.ConvertAll(conditions.With["timestep_cond"].AsSpan<Half>().ToArray(), x => (float)x), 1, 4), 1e-3);
        Assert.IsTrue(PromptConditions.TakesGuidance(denoiser));

        static Half[] Half(float number, int count) => [.. Enumerable.Repeat((Half)number, count)];
    }

    [TestMethod]
    public void Models_that_take_no_prompts_are_refused()
    {
        using (var denoiser = Denoiser(DataType.Float, ("condition", [3])))
        {
            Refused(denoiser, [], "the model takes no prompts: it has no input encoder_hidden_states");
        }

        using (var denoiser = Denoiser(DataType.Float, ("encoder_hidden_states", [2, 3]), ("pooled_projections", [3])))
        {
            Refused(denoiser, [], "the model needs the condition pooled_projections");
            Assert.AreSequenceEqual(["encoder_hidden_states"], PromptConditions.Create(denoiser, [Embedding(1)], Embedding(0), 2, default, 1, ["pooled_projections"]).With.Keys);
        }

        using (var denoiser = Denoiser(DataType.Float, ("encoder_hidden_states", [2, 3]), ("time_ids", [5])))
        {
            Refused(denoiser, [], "--input time_ids=file.npy");
        }

        static void Refused(Denoiser denoiser, string[] given, string message) =>
            Assert.Contains(message, Assert.ThrowsExactly<CompressToolException>(() => PromptConditions.Create(denoiser, [Embedding(1)], Embedding(0), 1, default, 1, given)).Message);
    }

    private static PromptEmbedding Embedding(float number) => new(NdArray.Create(Enumerable.Repeat(number, 6).ToArray(), 1, 2, 3), NdArray.Create<float>([number + 10, number + 10], 1, 2));

    private static Denoiser Denoiser(DataType type, params (string Name, long[] Dims)[] conditions)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        var batch = new Dim("batch");
        var sample = builder.Input("sample", type, new Shape(batch, 1, 2, 2));
        var output = sample + (0 * builder.Input("timestep", DataType.Int64, new Shape(batch)).Cast(type).View(-1, 1, 1, 1));
        foreach (var (name, dims) in conditions)
        {
            output += 0 * builder.Input(name, type, new Shape([batch, .. dims.Select(dim => (Dim)dim)])).Sum(keepDims: true).View(1, 1, 1, 1);
        }

        builder.AddOutput("out_sample", output);
        return new Denoiser(new OnnxRuntimeEngine().Compile(model));
    }

    private static PromptEncoder Open(TempFolder folder, bool second)
    {
        TextPipeline.Write(folder, second);
        return PromptEncoder.Open(folder.Path);
    }

    private static PromptEmbedding Encode(PromptEncoder encoder, string prompt) => encoder.Encode([prompt], 0, new OnnxRuntimeEngine(), null, EmbeddingStore.None)[0];

    private static float[] Row(string fixture, string output)
    {
        var values = NpyFile.Read(Repository.Fixture("import", fixture, "io", output + ".npy")).ToFloats();
        return values[..(values.Length / 2)];
    }

    private static IReadOnlyList<float> SideBySide(IEnumerable<float> first, IEnumerable<float> second) =>
        [.. first.Chunk(Channels).Zip(second.Chunk(Channels)).SelectMany(pair => pair.First.Concat(pair.Second))];

    private static void AssertClose(IReadOnlyList<float> expected, NdArray actual, double tolerance = Tolerance)
    {
        Assert.AreEqual(expected.Count, actual.AsSpan<float>().Length);
        Assert.IsLessThan(tolerance, expected.Zip(actual.AsSpan<float>().ToArray()).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private sealed class CountingStore(string folder) : EmbeddingStore
    {
        public int Made { get; private set; }

        public string Salt { get; set; } = "";

        protected override string HashOf(string path) => Path.GetFileName(Path.GetDirectoryName(path)) + Path.GetFileName(path) + Salt;

        protected override string FolderOf(IReadOnlyDictionary<string, string> ingredients, Action<string> make)
        {
            var place = Path.Combine(folder, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', ingredients.OrderBy(pair => pair.Key, StringComparer.Ordinal))))));
            if (!Directory.Exists(place))
            {
                Directory.CreateDirectory(place);
                make(place);
                Made++;
            }

            return place;
        }
    }
}
