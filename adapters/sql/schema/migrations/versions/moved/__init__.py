"""Migrations whose work a later one does; tables may stand at them."""
