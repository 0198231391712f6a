"""The argument that names an application."""

from __future__ import annotations

from typing import Annotated

import typer

Code = Annotated[
    str, typer.Argument(help="The application's code, which devices send as credential.")
]
