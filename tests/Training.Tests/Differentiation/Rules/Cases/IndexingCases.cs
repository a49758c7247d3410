namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class IndexingCases
{
    public static readonly OperatorCase[] All =
    [
        new("Gather", "x[4,3] I[2,2]=0,3,-1,1"),
        new("Gather", "x[2,4] I[3]=1,1,-4", "axis=1"),
        new("Gather", "x[4,2,3] I[]=2", "axis=-3", 13),
        new("Gather", "x[2,4,3] J[2]=3,0", "axis=-2"),
        new("Gather", "x[4] i[]=1"),
        new("GatherElements", "x[3,2] I[2,2]=0,-1,2,2"),
        new("GatherElements", "x[2,3] I[2,4]=0,-3,2,2,1,1,0,-1", "axis=1"),
        new("GatherElements", "x[3] J[3]=2,-2,0", "axis=-1", 13),
        new("ScatterElements", "x[3,3] I[2,2]=0,-1,2,1 x[2,2]", "axis=0"),
        new("ScatterElements", "x[2,4] I[2,2]=0,-1,2,1 x[2,2]", "axis=1"),
        new("ScatterElements", "x[2,4] I[2,3]=0,0,2,1,1,1 x[2,3]", "axis=-1 reduction=add"),
        new("GatherND", "x[3,2,2] I[2,2]=0,1,-1,0"),
        new("GatherND", "x[3,4] I[2,2,1]=0,2,0,-2"),
        new("GatherND", "x[2,3,2] I[2,2,1]=0,2,1,1", "batch_dims=1"),
        new("GatherND", "x[2,2,3,2] I[2,2,1]=0,2,1,-1", "batch_dims=2"),
        new("ScatterND", "x[4,2] I[2,1]=3,0 x[2,2]"),
        new("ScatterND", "x[3,3] I[2,2]=0,1,-1,2 x[2]"),
        new("ScatterND", "x[3,2] I[3,1]=1,1,2 x[3,2]", "reduction=add"),
        new("ScatterElements", "x[3,3] I[2,2]=0,-1,2,1 x[2,2]", "reduction=mul"),
        new("ScatterElements", "x[2,4] I[2,3]=0,0,2,1,1,1 x[2,3]", "axis=-1 reduction=mul", 18),
        new("ScatterElements", "x[5] I[5]=1,1,2,3,3 x[5]=0,0.7,-1.2,0,0", "reduction=mul", 18),
        new("ScatterElements", "x[2,4] I[2,3]=0,0,2,1,1,1 x[2,3]", "axis=1 reduction=max", 18),
        new("ScatterElements", "x[4,2] I[3,2]=0,0,0,1,-1,1 x[3,2]", "reduction=min", 18),
        new("ScatterND", "x[3,2] I[3,1]=1,1,2 x[3,2]", "reduction=mul"),
        new("ScatterND", "x[3,3] I[3,2]=0,1,-1,2,0,1 x[3]", "reduction=max", 18),
        new("ScatterND", "x[4,2] I[3,1]=3,0,3 x[3,2]", "reduction=min", 18),
        new("TopK", "x[2,4] i=2", Outputs: "1,1"),
        new("TopK", "x[4,2] i=3", "axis=0 largest=0 sorted=0"),
        new("TopK", "x[2,3,2] i=1", "axis=-2", 13, "1,1"),
        new("OneHot", "I[2]=0,3 i[]=4 x[2]"),
        new("OneHot", "I[2,2]=0,-1,2,5 i[]=3 x[2]", "axis=0"),
        new("OneHot", "I[1]=1 i=2 x[2]", "axis=-1"),
        new("ReverseSequence", "x[3,2,2] I[2]=2,3"),
        new("ReverseSequence", "x[2,4] I[2]=3,1", "batch_axis=0 time_axis=1"),
        new("ReverseSequence", "x[1,3,2] I[1]=1", "batch_axis=0 time_axis=1"),
    ];
}
