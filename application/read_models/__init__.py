"""From events to read models: projector, replay, in memory; and the states that callers see."""
