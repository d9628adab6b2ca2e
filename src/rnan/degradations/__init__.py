"""How pictures get worse: the exact definitions, and their batched forms on a device."""
