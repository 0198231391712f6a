"""The former name of `addressee.adapters.ledger_files`."""

from addressee.adapters.ledger_files import opened_sink, opened_source

__all__ = ["opened_sink", "opened_source"]
