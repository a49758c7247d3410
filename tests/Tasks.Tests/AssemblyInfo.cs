using CompressTool.Tasks.Tests.Targets;

// Each test starts whole builds, so more at a time would only wait for each other.
[assembly: Parallelize(Workers = 2, Scope = ExecutionScope.MethodLevel)]

namespace CompressTool.Tasks.Tests;

[TestClass]
public static class Assembly
{
    [AssemblyCleanup]
    public static void DeleteBuiltConsumers() => Consumer.DeleteAll();
}
