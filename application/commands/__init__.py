"""Every command: its checked arguments, and what it decides on the aggregates it reads."""

from .command import Command, Together
from .depersonalize import Depersonalize, DepersonalizeAll, EndSession
from .installation_commands import (
    Expire,
    ExpireAddress,
    ExpireInactive,
    Register,
    TagInstallation,
    Touch,
    UpdateInstallation,
)
from .merge import Merge, Unmerge, group_known
from .personalize import Personalize
from .report_arguments import Report, Reported, context_of, report_of
from .segments import DefineSegment, RemoveSegment
from .set_primary import SetPrimary
from .tagging import TagChange, TagPerson
from .update_person import UpdatePerson

__all__ = [
    "Command",
    "DefineSegment",
    "Depersonalize",
    "DepersonalizeAll",
    "EndSession",
    "Expire",
    "ExpireAddress",
    "ExpireInactive",
    "Merge",
    "Personalize",
    "Register",
    "RemoveSegment",
    "Report",
    "Reported",
    "SetPrimary",
    "TagChange",
    "TagInstallation",
    "TagPerson",
    "Together",
    "Touch",
    "Unmerge",
    "UpdateInstallation",
    "UpdatePerson",
    "context_of",
    "group_known",
    "report_of",
]
