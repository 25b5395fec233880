"""Image registries: OCI images by digest."""
