"""The commands and questions that a host embeds, and the ports that adapters fill."""

from addressee.domain import Identity, SessionPolicy

from .bulk import Call, bulk, together
from .context import Context
from .execution import Outcome
from .explanation import Explanation, TermExplanation
from .history import History
from .outline import Step
from .personalization import Personalization
from .ports import JoinableStore, Reader, Recorded, Store, Transaction
from .projection import Changes, InstallationChange
from .replay import Replay
from .results import Depersonalized, Personalized, PrimaryMove, Registered, Result, Updated
from .targeting import Targeting, TargetingPlan

__all__ = [
    "Call",
    "Changes",
    "Context",
    "Depersonalized",
    "Explanation",
    "History",
    "Identity",
    "InstallationChange",
    "JoinableStore",
    "Outcome",
    "Personalization",
    "Personalized",
    "PrimaryMove",
    "Reader",
    "Recorded",
    "Registered",
    "Replay",
    "Result",
    "SessionPolicy",
    "Step",
    "Store",
    "Targeting",
    "TargetingPlan",
    "TermExplanation",
    "Transaction",
    "Updated",
    "bulk",
    "together",
]
