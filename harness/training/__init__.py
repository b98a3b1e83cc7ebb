"""Training the models with the same initial weights, batches and noise in every backend."""
