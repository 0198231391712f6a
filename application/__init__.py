"""The commands and questions that a host embeds, and the ports that adapters fill."""

from addressee.domain import Identity, SessionPolicy

from .access import issue_key, recognized
from .bulk import Call, bulk, together
from .context import Context
from .execution import Outcome
from .explanation import Explanation, TermExplanation
from .history import History
from .personalization import Personalization
from .ports import ApiKey, Applications, Reader, Recorded, Scope, Store, Transaction
from .projection import Changes, InstallationChange
from .results import Depersonalized, Personalized, PrimaryMove, Registered, Result, Updated
from .targeting import Targeting

__all__ = [
    "ApiKey",
    "Applications",
    "Call",
    "Changes",
    "Context",
    "Depersonalized",
    "Explanation",
    "History",
    "Identity",
    "InstallationChange",
    "Outcome",
    "Personalization",
    "Personalized",
    "PrimaryMove",
    "Reader",
    "Recorded",
    "Registered",
    "Result",
    "Scope",
    "SessionPolicy",
    "Store",
    "Targeting",
    "TermExplanation",
    "Transaction",
    "Updated",
    "bulk",
    "issue_key",
    "recognized",
    "together",
]
