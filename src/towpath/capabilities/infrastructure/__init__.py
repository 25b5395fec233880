"""What workloads stand on: clusters, abstractions and databases."""
