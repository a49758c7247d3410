using System.Text.Json;
using CompressTool.Diffusion.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Text;

/// <summary>
/// With a small vocabulary that is made as CLIP's is: 256 bytes, 256 bytes at the end of a word, merged pairs, special tokens.
/// Numbers below 512 are therefore those of CLIP itself.
/// </summary>
[TestClass]
public sealed class ClipTokenizerTests
{
    private static readonly string[] s_merges = ["t h", "th e</w>", "c a", "ca t</w>", "i n", "in g</w>", "l o", "lo w", "low e", "e r</w>", "low er</w>"];

    [TestMethod]
    public void Bytes_have_the_numbers_of_clip()
    {
        using var folder = new TempFolder();
        var tokenizer = Write(folder);

        // a, 1, ! and z at the end of words are 320, 272, 256 and 345 in CLIP's vocabulary.
        Assert.AreSequenceEqual([320, 272, 256, 345], tokenizer.Encode("a 1 ! z"));
    }

    [TestMethod]
    public void Pairs_are_joined_by_rank_and_words_end_with_a_marker()
    {
        using var folder = new TempFolder();
        var tokenizer = Write(folder);

        Assert.AreEqual("the</w> cat</w>", Symbols(tokenizer, "the cat"));
        Assert.AreEqual("ca t s</w>", Symbols(tokenizer, "cats"));
        Assert.AreEqual("low ing</w>", Symbols(tokenizer, "lowing"));

        // "er</w>" comes before "lower</w>" can: lowe + r is not known, low + er</w> is, and "low e" has the better rank.
        Assert.AreEqual("lowe r</w>", Symbols(tokenizer, "lower"));
        Assert.AreEqual("s low er</w>".Replace("low er", "lowe r"), Symbols(tokenizer, "slower"));
    }

    [TestMethod]
    [DataRow("The  CAT", "the</w> cat</w>")]
    [DataRow(" the\tcat\n\u00a0 ", "the</w> cat</w>")]
    [DataRow("THE-CAT!?", "the</w> -</w> cat</w> ! ?</w>")]
    [DataRow("12", "1</w> 2</w>")]
    [DataRow("a1b", "a</w> 1</w> b</w>")]
    [DataRow("it's cat's", "i t</w> ' s</w> cat</w> ' s</w>")]
    [DataRow("I'LL we've 'd", "i</w> ' l l</w> w e</w> ' v e</w> ' d</w>")]
    [DataRow("!'s", "! '</w> s</w>")]
    [DataRow("'a", "'</w> a</w>")]
    [DataRow("", "")]
    public void Text_is_split_as_by_clip(string text, string symbols)
    {
        using var folder = new TempFolder();
        Assert.AreEqual(symbols, Symbols(Write(folder), text));
    }

    [TestMethod]
    public void Bytes_stand_for_what_is_not_in_the_vocabulary()
    {
        using var folder = new TempFolder();
        var tokenizer = Write(folder);

        // Two bytes of one letter; a letter of the second plane, in the same run as others; an emoji with a sign behind it.
        Assert.AreEqual("Ã ©</w>", Symbols(tokenizer, "É"));
        Assert.AreEqual("x ð Ŀ Ĵ ľ</w>", Symbols(tokenizer, "x\U0001D49C"));
        Assert.AreEqual("ð Ł ĺ Ģ !</w>", Symbols(tokenizer, "\U0001F600!"));
        Assert.AreEqual(256, ByteAlphabet.Characters.Distinct().Count());
        Assert.IsTrue(ByteAlphabet.Characters.All(character => !char.IsWhiteSpace(character) && !char.IsControl(character)));
    }

    [TestMethod]
    public void Prompts_are_filled_up_and_cut_off()
    {
        using var folder = new TempFolder();
        var tokenizer = Write(folder);
        var prompt = tokenizer.Tokenize("the cat");

        Assert.AreEqual(77, tokenizer.Length);
        Assert.HasCount(77, prompt.Ids);
        Assert.AreSequenceEqual([tokenizer.Start, Id("the</w>"), Id("cat</w>"), tokenizer.End], prompt.Ids[..4]);
        Assert.IsTrue(prompt.Ids[4..].All(id => id == tokenizer.End));
        Assert.AreEqual((4, 0), (prompt.Used, prompt.Dropped));
        Assert.AreEqual(4, prompt.AttentionMask().Sum());

        var full = tokenizer.Tokenize(string.Join(' ', Enumerable.Repeat("cat", 75)));
        Assert.AreEqual((77, 0), (full.Used, full.Dropped));
        var long_ = tokenizer.Tokenize(string.Join(' ', Enumerable.Repeat("cat", 80)));
        Assert.AreEqual((77, 5), (long_.Used, long_.Dropped));
        Assert.AreSequenceEqual(full.Ids, long_.Ids);
        Assert.AreEqual(tokenizer.End, long_.Ids[76]);
    }

    [TestMethod]
    public void Padding_and_length_come_from_the_folder()
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer_config.json", """{ "model_max_length": 8, "pad_token": "a", "tokenizer_class": "CLIPTokenizer", "unk_token": { "__type": "AddedToken", "content": "<|endoftext|>" } }""");
        folder.Write("special_tokens_map.json", """{ "bos_token": { "content": "<|startoftext|>", "lstrip": false }, "eos_token": "<|endoftext|>", "pad_token": "!" }""");
        var tokenizer = Write(folder);

        Assert.AreEqual(0, tokenizer.Padding);
        Assert.AreSequenceEqual([tokenizer.Start, 256, tokenizer.End, 0, 0, 0, 0, 0], tokenizer.Tokenize("!").Ids);
    }

    [TestMethod]
    public void Special_tokens_in_a_text_are_themselves()
    {
        using var folder = new TempFolder();
        var tokenizer = Write(folder);
        Assert.AreSequenceEqual([Id("cat</w>"), tokenizer.End, Id("cat</w>"), tokenizer.Start], tokenizer.Encode("cat<|endoftext|>cat <|startoftext|>"));
    }

    [TestMethod]
    [DataRow("vocab.json", null, "it is missing")]
    [DataRow("vocab.json", "[]", "it is not a JSON object")]
    [DataRow("vocab.json", "{ ", "vocab.json' cannot be used")]
    [DataRow("vocab.json", "{ \"a\": \"b\" }", "the token 'a' has no number")]
    [DataRow("vocab.json", "{ \"a\": 1 }", "it lacks the token '<|startoftext|>' (bos_token)")]
    [DataRow("merges.txt", null, "it is missing")]
    [DataRow("merges.txt", "#version: 0.2\na b\nabc\n", "line 3 is not a pair: 'abc'")]
    [DataRow("tokenizer_config.json", "{ \"tokenizer_class\": \"T5Tokenizer\" }", "it is for a T5Tokenizer; CLIPTokenizer is supported")]
    public void Folders_of_another_kind_are_refused(string file, string? content, string message)
    {
        using var folder = new TempFolder();
        Write(folder);
        if (content is null)
        {
            File.Delete(folder.File(file));
        }
        else
        {
            folder.Write(file, content);
        }

        var error = Assert.ThrowsExactly<CompressToolException>(() => ClipTokenizer.Load(folder.Path));
        Assert.AreSame(DiffusionErrors.InvalidTokenizer, error.Code);
        Assert.Contains(message, error.Message);
    }

    private static List<string> Vocabulary()
    {
        var bytes = Enumerable.Range(0, 256).Select(value => ByteAlphabet.Characters[value]).Order().Select(character => character.ToString()).ToList();
        return [.. bytes, .. bytes.Select(character => character + "</w>"), .. s_merges.Select(merge => merge.Replace(" ", "")), "<|startoftext|>", "<|endoftext|>"];
    }

    private static int Id(string symbol) => Vocabulary().IndexOf(symbol);

    private static string Symbols(ClipTokenizer tokenizer, string text) => string.Join(' ', tokenizer.Encode(text).Select(id => Vocabulary()[id]));

    private static ClipTokenizer Write(TempFolder folder)
    {
        folder.Write("vocab.json", JsonSerializer.Serialize(Vocabulary().Index().ToDictionary(pair => pair.Item, pair => pair.Index)));
        folder.Write("merges.txt", "#version: 0.2\n" + string.Join('\n', s_merges) + "\n");
        return ClipTokenizer.Load(folder.Path);
    }
}
