"""The command line: apply traffic, ask whom a push reaches, ask who it was."""

from .app import main

__all__ = ["main"]
