"""Groups of commands of which one, `run`, need not be named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

RUN = "run"


class RunOrCommand(TyperGroup):
    """Has `relay SINK` mean `relay run SINK`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 # typer's, or click's
        """Put ``run`` in front where no command is named."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = [RUN, *args]
        return super().parse_args(ctx, args)
