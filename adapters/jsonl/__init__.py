"""Commands from JSON Lines: our own form, and recorded traffic of a mobile SDK."""

from .lines import Line, read_lines
from .requests import Request, Requests

__all__ = ["Line", "Request", "Requests", "read_lines"]
