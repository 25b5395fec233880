"""How what runs is doing. No capability yet: health is told by GitOps and the workload."""
