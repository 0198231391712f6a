"""Sinks that facts are relayed to, one file each, and what consumers need of them."""

from .handler import HandlerSink

__all__ = ["HandlerSink"]
