"""How what was built gets to run: workloads, pipelines, releases, promotions, GitOps."""
