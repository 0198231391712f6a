"""Sinks that facts are relayed to, one file each, and what consumers need of them."""

from .handler_sink import HandlerSink
from .inbox import Fact, Inbox
from .json_lines import JsonLinesSink

__all__ = ["Fact", "HandlerSink", "Inbox", "JsonLinesSink"]
