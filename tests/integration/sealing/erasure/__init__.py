"""Erasing persons, and what stays of it in stores, services and processes."""
