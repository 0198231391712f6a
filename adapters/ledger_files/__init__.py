"""Files that hold a ledger or its facts, readable without this library: JSON Lines and Parquet."""

from .by_suffix import opened_sink, opened_source
from .daily_facts import opened_days

__all__ = ["opened_days", "opened_sink", "opened_source"]
