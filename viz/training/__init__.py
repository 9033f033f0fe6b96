"""The page on which a class trains a model, in parts: the film, a new one, watching, keeping."""
