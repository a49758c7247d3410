namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class AttentionCases
{
    private const string Heads3D = "q_num_heads=2 kv_num_heads=2";

    public static readonly OperatorCase[] All =
    [
        new("Attention", "x[1,2,3,4] x[1,2,3,4] x[1,2,3,4]", Opset: 23),
        new("Attention", "x[2,2,2,3] x[2,2,4,3] x[2,2,4,2]", "scale=0.7", 23),
        new("Attention", "x[2,2,4] x[2,3,4] x[2,3,6]", Heads3D, 23),
        new("Attention", "x[1,3,8] x[1,3,4] x[1,3,6]", "q_num_heads=4 kv_num_heads=2 is_causal=1", 23),
        new("Attention", "x[1,4,2,3] x[1,2,3,3] x[1,2,3,3]", "softcap=1.5", 23),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] x[2,3]", Opset: 23),
        new("Attention", "x[2,2,2,3] x[2,2,3,3] x[2,2,3,3] x[2,1,2,3]", "scale=0.4", 24),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] b[2,3]=1,0,1,1,1,0", Opset: 23),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] b[2,3]=1,0,1,1,1,0", "is_causal=1", 23),
        new("Attention", "x[1,2,2,3] x[1,2,2,3] x[1,2,2,2] - x[1,2,1,3] x[1,2,1,2]", Opset: 23, Outputs: "1,1,1"),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3]", Opset: 23, Outputs: "1,0,0,1"),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3]", "qk_matmul_output_mode=3", 23, "1,0,0,1"),
        new("Attention", "x[1,3,4] @0 @0", Heads3D, 23),
        new("Attention", "x[2,1,2,3] x[2,1,4,3] x[2,1,4,3] - - - I[2]=3,2", Opset: 24),
        new("Attention", "x[1,2,3,4] x[1,2,3,4] x[1,2,3,4]", "is_causal=1 softcap=1.3", 23),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] b[2,3]=1,0,1,1,1,0", "softcap=0.8", 23),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] x[2,3]", "softcap=0.8", 23),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] x[2,3]", "qk_matmul_output_mode=1 softcap=0.8", 23, "1,0,0,1"),
        new("Attention", "x[1,2,2,3] x[1,2,3,3] x[1,2,3,3] x[2,3]", "qk_matmul_output_mode=2 softcap=0.8", 23, "1,0,0,1"),

        new("com.microsoft:MultiHeadAttention", "x[2,2,4] x[2,3,4] x[2,3,4]", "num_heads=2"),
        new("com.microsoft:MultiHeadAttention", "x[1,2,4] x[1,3,4] x[1,3,6] x[14]", "num_heads=2 scale=0.6"),
        new("com.microsoft:MultiHeadAttention", "x[1,3,4] x[1,3,4] x[1,3,4]", "num_heads=1 unidirectional=1"),
        new("com.microsoft:MultiHeadAttention", "x[1,2,4] x[1,2,3,2] x[1,2,3,2]", "num_heads=2"),
        new("com.microsoft:MultiHeadAttention", "x[2,2,4] x[2,3,4] x[2,3,4] - J[2,3]=1,1,0,1,0,1", "num_heads=2 mask_filter_value=-5.0"),
        new("com.microsoft:MultiHeadAttention", "x[2,2,4] x[2,3,4] x[2,3,4] - - x[1,2,2,3]", "num_heads=2"),
        new("com.microsoft:MultiHeadAttention", "x[1,2,4] x[1,2,4] x[1,2,4] - - - x[1,2,1,2] x[1,2,1,2]", "num_heads=2", Outputs: "1,1,1"),
        new("com.microsoft:MultiHeadAttention", "x[1,2,4] @0 @0", "num_heads=2"),
        new("com.microsoft:MultiHeadAttention", "x[1,2,2,3,2]", "num_heads=2", HasKernel: false),
        new("com.microsoft:MultiHeadAttention", "x[1,2,4] x[1,3,2,2,2]", "num_heads=2 scale=0.9", HasKernel: false),

        new("com.microsoft:Attention", "x[2,2,3] x[3,12] x[12]", "num_heads=2"),
        new("com.microsoft:Attention", "x[1,3,3] x[3,10] x[10]", "num_heads=1 qkv_hidden_sizes=[4,4,2] scale=0.7"),
        new("com.microsoft:Attention", "x[1,3,3] x[3,12] x[12]", "num_heads=2 unidirectional=1"),
        new("com.microsoft:Attention", "x[2,3,2] x[2,6] x[6] J[2,3]=1,1,0,1,0,1", "num_heads=1 mask_filter_value=-4.0"),
        new("com.microsoft:Attention", "x[2,3,2] x[2,6] x[6] J[2]=2,3", "num_heads=1 mask_filter_value=-4.0"),
        new("com.microsoft:Attention", "x[1,2,2] x[2,12] x[12] - x[2,1,2,1,2]", "num_heads=2", Outputs: "1,1"),
        new("com.microsoft:Attention", "x[1,2,2] x[2,12] x[12] - - x[1,2,2,2]", "num_heads=2"),

        new("com.microsoft:GroupQueryAttention", "x[1,3,16] x[1,3,8] x[1,3,8] - - J[1]=2 J[]=3", "num_heads=2 kv_num_heads=1"),
        new("com.microsoft:GroupQueryAttention", "x[2,3,32] x[2,3,16] x[2,3,16] - - J[2]=2,2 J[]=3", "num_heads=4 kv_num_heads=2 scale=0.4 softcap=0.9"),
        new("com.microsoft:GroupQueryAttention", "x[1,4,32] - - - - J[1]=3 J[]=4", "num_heads=2 kv_num_heads=1"),
        new("com.microsoft:GroupQueryAttention", "x[1,5,8] x[1,5,8] x[1,5,8] - - J[1]=4 J[]=5", "num_heads=1 kv_num_heads=1 local_window_size=2"),
        new("com.microsoft:GroupQueryAttention", "x[1,3,32] x[1,3,16] x[1,3,16] - - J[1]=2 J[]=3 x[4,8] x[4,8]", "num_heads=2 kv_num_heads=1 do_rotary=1"),
        new("com.microsoft:GroupQueryAttention", "x[2,2,32] x[2,2,32] x[2,2,32] - - J[2]=1,1 J[]=2 x[3,8] x[3,8]", "num_heads=2 kv_num_heads=2 do_rotary=1 rotary_interleaved=1"),

        new("RotaryEmbedding", "x[2,2,3,4] x[2,3,2] x[2,3,2]", Opset: 23),
        new("RotaryEmbedding", "x[1,3,8] x[5,2] x[5,2] I[1,3]=0,4,2", "num_heads=2", 23),
        new("RotaryEmbedding", "x[1,2,2,6] x[4,2] x[4,2] I[1,2]=3,1", "rotary_embedding_dim=4 interleaved=1", 23),
        new("RotaryEmbedding", "x[1,2,2,4] x[1,2,2] x[1,2,2]", "interleaved=1", 23),
        new("com.microsoft:RotaryEmbedding", "x[2,3,8] I[2,3]=0,2,1,3,0,1 x[4,2] x[4,2]"),
        new("com.microsoft:RotaryEmbedding", "x[1,2,3,4] I[1]=1 x[4,2] x[4,2]", "interleaved=1"),
        new("com.microsoft:RotaryEmbedding", "x[1,3,12] I[1]=0 x[3,2] x[3,2]", "num_heads=2 rotary_embedding_dim=4"),
    ];
}
