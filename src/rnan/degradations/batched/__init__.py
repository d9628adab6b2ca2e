"""The degradations in batches on a device, as training needs them (PyTorch)."""
