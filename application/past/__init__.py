"""A store as it was: by the streams of a few, by a state of the index nearby, or folded."""
