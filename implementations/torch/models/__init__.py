"""Models in PyTorch as pure functions over a flat dict of tensors."""
