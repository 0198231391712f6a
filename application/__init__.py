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
from .pages import whole_length, whole_page
from .personalization import Personalization
from .ports import (
    ApiKey,
    Applications,
    Audit,
    AuditableStore,
    JoinableStore,
    Reader,
    Recorded,
    Row,
    Scope,
    Store,
    Transaction,
    View,
    Viewable,
)
from .profiles import Profile, Profiles
from .projection import Changes, InstallationChange
from .readmodels import ReadModels
from .replay import Replay
from .results import Depersonalized, Personalized, PrimaryMove, Registered, Result, Updated
from .targeting import Targeting, TargetingPlan
from .verify import Difference, Verification, verify

__all__ = [
    "ApiKey",
    "Applications",
    "Audit",
    "AuditableStore",
    "Call",
    "Changes",
    "Configured",
    "Context",
    "Depersonalized",
    "Difference",
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
    "ReadModels",
    "Reader",
    "Recorded",
    "Registered",
    "Replay",
    "Result",
    "Row",
    "Scope",
    "SessionPolicy",
    "Step",
    "Store",
    "Targeting",
    "TargetingPlan",
    "TermExplanation",
    "Transaction",
    "Updated",
    "Verification",
    "View",
    "Viewable",
    "bulk",
    "issue_key",
    "recognized",
    "together",
    "verify",
    "whole_length",
    "whole_page",
]
