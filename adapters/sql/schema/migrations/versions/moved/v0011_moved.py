"""Nothing; what it did is done by 0015, after the deployment that 0014 comes before."""

from __future__ import annotations

revision = "0011"
down_revision = "0010"
PART = "before"


def upgrade() -> None:
    """Do nothing."""
