"""From events to read models: projector, replay, in memory, as of a moment."""
