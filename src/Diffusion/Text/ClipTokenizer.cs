using System.Text;
using System.Text.Json.Nodes;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Text;

/// <summary>A prompt as tokens.</summary>
/// <param name="Ids">The numbers of the tokens: start, words, end, and padding up to the length that the model takes.</param>
/// <param name="Used">How many of them are not padding.</param>
/// <param name="Dropped">How many tokens of the prompt did not fit.</param>
public sealed record TokenizedPrompt(long[] Ids, int Used, int Dropped)
{
    /// <summary>1 for each token, 0 for padding.</summary>
    public long[] AttentionMask() => [.. Ids.Select((_, index) => index < Used ? 1L : 0)];
}

/// <summary>
/// The tokenizer of CLIP's text encoders (Radford et al. 2021): lower case, words by <see cref="WordSplitter"/>, byte-pair
/// encoding with an end-of-word marker. Read from a folder with vocab.json and merges.txt. Not for use on several threads at once.
/// </summary>
public sealed class ClipTokenizer
{
    private const int UsualLength = 77;
    private const string ClassName = "CLIPTokenizer";

    private readonly Dictionary<string, int> _vocabulary;
    private readonly BytePairEncoding _encoding;
    private readonly string[] _specialTokens;
    private readonly int _unknown;

    private ClipTokenizer(TokenizerFiles files)
    {
        var settings = files.Settings();
        if (settings["tokenizer_class"] is JsonValue value && value.TryGetValue<string>(out var className) && className.Replace("Fast", "", StringComparison.Ordinal) != ClassName)
        {
            throw files.Invalid(TokenizerFiles.ConfigName, $"it is for a {className}; {ClassName} is supported");
        }

        _vocabulary = files.Vocabulary();
        _encoding = new BytePairEncoding(files.Merges());
        string start = Token("bos_token", "<|startoftext|>"), end = Token("eos_token", "<|endoftext|>"), padding = Token("pad_token", end), unknown = Token("unk_token", end);
        (Start, End, Padding, _unknown) = (_vocabulary[start], _vocabulary[end], _vocabulary[padding], _vocabulary[unknown]);

        // A padding token such as "!" is a word like others in a prompt.
        _specialTokens = [start, end];
        Length = settings["model_max_length"] is JsonValue length && length.TryGetValue<int>(out var tokens) && tokens is > 1 and <= 1 << 16 ? tokens : UsualLength;

        string Token(string name, string standard)
        {
            var token = files.SpecialToken(name) ?? standard;
            return _vocabulary.ContainsKey(token) ? token : throw files.Invalid(TokenizerFiles.VocabularyName, $"it lacks the token '{token}' ({name})");
        }
    }

    /// <summary>How many tokens the model takes, start and end included; 77 where the folder does not say.</summary>
    public int Length { get; }

    /// <summary>The token before a prompt.</summary>
    public int Start { get; }

    /// <summary>The token behind a prompt.</summary>
    public int End { get; }

    /// <summary>The token that fills up.</summary>
    public int Padding { get; }

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="folder">A folder with vocab.json and merges.txt, and perhaps tokenizer_config.json and special_tokens_map.json.</param>
    /// <exception cref="CompressToolException">A file is missing or damaged, or of a tokenizer of another kind (CMP8106).</exception>
    public static ClipTokenizer Load(string folder) => new(new TokenizerFiles(folder));

    /// <summary>The tokens of a text, as many as there are, without start and end.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        var tokens = new List<int>();
        text = text.Normalize(NormalizationForm.FormC).ToLowerInvariant();
        while (text.Length > 0)
        {
            var (index, special) = _specialTokens.Select(token => (Index: text.IndexOf(token, StringComparison.Ordinal), Token: token)).Where(found => found.Index >= 0).OrderBy(found => found.Index).FirstOrDefault((text.Length, ""));
            foreach (var word in WordSplitter.Split(text[..index]))
            {
                tokens.AddRange(_encoding.Split(ByteAlphabet.Encode(word)).Select(symbol => _vocabulary.GetValueOrDefault(symbol, _unknown)));
            }

            if (special.Length > 0)
            {
                tokens.Add(_vocabulary[special]);
            }

            text = text[(index + special.Length)..];
        }

        return tokens;
    }

    /// <summary>The tokens of a prompt for a model: between start and end, cut off or filled up to its length.</summary>
    public TokenizedPrompt Tokenize(string prompt)
    {
        var tokens = Encode(prompt);
        var count = Math.Min(tokens.Count, Length - 2);
        var ids = new long[Length];
        Array.Fill(ids, Padding);
        ids[0] = Start;
        for (var i = 0; i < count; i++)
        {
            ids[i + 1] = tokens[i];
        }

        ids[count + 1] = End;
        return new TokenizedPrompt(ids, count + 2, tokens.Count - count);
    }
}
