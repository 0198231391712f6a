"""Nothing; what it did is done by 0015, after the deployment that 0014 comes before."""

from __future__ import annotations

revision = "0009"
down_revision = "0008"
PART = "before"


def upgrade() -> None:
    """Do nothing."""
