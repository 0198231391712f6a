"""Files that hold a whole ledger, readable without this library: JSON Lines and Parquet."""

from .by_suffix import opened_sink, opened_source

__all__ = ["opened_sink", "opened_source"]
