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
    ];
}
