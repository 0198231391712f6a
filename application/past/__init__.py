"""A store as it was: by the streams of a few, by taking later changes back, or folded."""
