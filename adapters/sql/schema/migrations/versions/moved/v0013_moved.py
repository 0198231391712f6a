"""Nothing; what it did is done by 0015, after the deployment that 0014 comes before."""

from __future__ import annotations

revision = "0013"
down_revision = "0012"
PART = "before"


def upgrade() -> None:
    """Do nothing."""
