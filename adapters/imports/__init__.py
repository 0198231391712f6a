"""Importers: commands from JSON lines, and recorded traffic of a mobile SDK."""

from .line_reader import Line, read_lines
from .line_request import Request, Requests

__all__ = ["Line", "Request", "Requests", "read_lines"]
