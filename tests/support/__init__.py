"""What the integration tests share: real registries, real charts, the real binary."""
