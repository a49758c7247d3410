// Each test starts whole builds and runs models, so more at a time would only wait for each other.
[assembly: Parallelize(Workers = 2, Scope = ExecutionScope.MethodLevel)]
