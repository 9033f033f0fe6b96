"""Training: sentences → batches → loss → checkpoint, on CPU, one GPU or several."""
