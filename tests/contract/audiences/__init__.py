"""From an audience to installations, on every store."""
