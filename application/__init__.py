"""The commands and questions that a host embeds, and the ports that adapters fill."""

from addressee.domain import Identity, SessionPolicy

from .access import issue_key, recognized
from .bulk import Call, bulk, together
from .configured import Configured, Policies
from .context import Context
from .execution import Outcome
from .explanation import Explanation, TermExplanation
from .history import History
from .outline import Step
from .personalization import Personalization
from .ports import (
    ApiKey,
    Applications,
    JoinableStore,
    Reader,
    Recorded,
    Scope,
    Store,
    Transaction,
)
from .profiles import Profile, Profiles
from .projection import Changes, InstallationChange
from .replay import Replay
from .results import Depersonalized, Personalized, PrimaryMove, Registered, Result, Updated
from .targeting import Targeting, TargetingPlan

__all__ = [
    "ApiKey",
    "Applications",
    "Call",
    "Changes",
    "Configured",
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
    "Policies",
    "PrimaryMove",
    "Profile",
    "Profiles",
    "Reader",
    "Recorded",
    "Registered",
    "Replay",
    "Result",
    "Scope",
    "SessionPolicy",
    "Step",
    "Store",
    "Targeting",
    "TargetingPlan",
    "TermExplanation",
    "Transaction",
    "Updated",
    "bulk",
    "issue_key",
    "recognized",
    "together",
]
