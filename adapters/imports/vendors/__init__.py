"""Importers: device tables that other systems export, as ordinary commands (R53)."""

from .formats import FORMATS
from .importer import Import, Report
from .rows import Format, Options

__all__ = ["FORMATS", "Format", "Import", "Options", "Report"]
