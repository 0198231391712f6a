"""Facts that go to sinks, on every store."""
