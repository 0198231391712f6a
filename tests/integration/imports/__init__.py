"""Importers of other systems' devices, with files whose rows are invented."""
