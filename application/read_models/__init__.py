"""From events to read models: projector, replay, in memory."""
