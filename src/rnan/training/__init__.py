"""Train networks: configuration, data, the loop and its checkpoints."""
