"""Run the command line with ``python -m addressee.adapters.cli``."""

from .app import main

main()
