"""Every command: its checked arguments, and what it decides on the aggregates it reads."""

from .command import Command
from .depersonalize import Depersonalize, DepersonalizeAll, EndSession
from .person import UpdatePerson
from .personalize import Personalize
from .primary import SetPrimary
from .registration import Expire, Register, TagInstallation, Touch, UpdateInstallation
from .reports import Report, Reported, report_of
from .segments import DefineSegment, RemoveSegment
from .tagging import TagChange, TagPerson
from .together import Together

__all__ = [
    "Command",
    "DefineSegment",
    "Depersonalize",
    "DepersonalizeAll",
    "EndSession",
    "Expire",
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
    "UpdateInstallation",
    "UpdatePerson",
    "report_of",
]
