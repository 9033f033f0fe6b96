"""What heads do, measured: coreference, word maps."""
