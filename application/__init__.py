"""The commands and questions that a host embeds, and the ports that adapters fill."""

from addressee.domain import Identity, SessionPolicy

from .access import issue_key, recognized
from .bulk import Call, bulk, together
from .chain import START, Seal, Stored, link
from .configured import Configured, Policies
from .context import Context
from .execution import Outcome
from .explanation import Explanation, TermExplanation
from .history import History
from .outline import Step
from .pages import whole_length, whole_page
from .past import Moment, Past
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
from .seals import Anchor, broken_seals, lost_anchors, stored_events
from .targeting import Targeting, TargetingPlan
from .transfer import (
    End,
    FillableStore,
    Filling,
    Heading,
    Sink,
    Source,
    export_ledger,
    import_ledger,
)
from .verify import Difference, Verification, verify

__all__ = [
    "START",
    "Anchor",
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
    "End",
    "Explanation",
    "FillableStore",
    "Filling",
    "Heading",
    "History",
    "Identity",
    "InstallationChange",
    "JoinableStore",
    "Moment",
    "Outcome",
    "Past",
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
    "Seal",
    "SessionPolicy",
    "Sink",
    "Source",
    "Step",
    "Store",
    "Stored",
    "Targeting",
    "TargetingPlan",
    "TermExplanation",
    "Transaction",
    "Updated",
    "Verification",
    "View",
    "Viewable",
    "broken_seals",
    "bulk",
    "export_ledger",
    "import_ledger",
    "issue_key",
    "link",
    "lost_anchors",
    "recognized",
    "stored_events",
    "together",
    "verify",
    "whole_length",
    "whole_page",
]
