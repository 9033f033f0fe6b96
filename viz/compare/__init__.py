"""What the page "Compare" is built of: what was chosen, what the model did, the presets."""
