"""Importers: device tables that other systems export, as ordinary commands (R53)."""

from .formats import FORMATS
from .imported_rows import Format, Options
from .importer import Import, Report

__all__ = ["FORMATS", "Format", "Import", "Options", "Report"]
