"""Every event of the ledger.

An event's topic never changes and no field is ever removed: a new shape gets a new topic and an
upcast (R30). Fields with personal data carry `PERSONAL` from the first release on (R29).

An event about a person and an installation is recorded on the streams of both, in one transaction.
``HOME`` is the category of the stream whose copy counts, so that subscribers and projections
receive it once.
"""

from __future__ import annotations

from .base import (
    PERSONAL,
    Category,
    Event,
    Facts,
    InstallationEvent,
    Personal,
    PersonalData,
    PersonalValues,
    PersonEvent,
    Values,
    category_of,
    name_in,
    personal_fields,
    stream_of,
)
from .binding_events import (
    DepersonalizeReason,
    DeviceDepersonalized,
    DevicePersonalized,
    PrimaryChanged,
)
from .claim_events import (
    IdentifierClaimed,
    IdentifierClaimRenamed,
    IdentifierKeyReplaced,
    IdentifierReleased,
    PushTokenClaimed,
)
from .command_events import CommandCompleted
from .erasure_events import ErasureRequested, InstallationRestated, PersonErased
from .installation_events import (
    ExpiryReason,
    InstallationExpired,
    InstallationRegistered,
    InstallationTagged,
    InstallationUpdated,
)
from .merge_events import (
    MergedPersonChanged,
    MergeEvent,
    MergePolicy,
    PersonsMerged,
    PersonsUnmerged,
)
from .person_events import (
    IdentifierAdded,
    IdentifierRemoved,
    PersonCreated,
    PersonExported,
    PersonPromoted,
    PersonTagged,
    PersonType,
    PersonUpdated,
)
from .segment_events import SegmentDefined, SegmentRemoved

EVENT_TYPES: tuple[type[Event], ...] = (
    InstallationRegistered,
    InstallationUpdated,
    InstallationTagged,
    InstallationExpired,
    InstallationRestated,
    PersonCreated,
    PersonPromoted,
    PersonUpdated,
    PersonTagged,
    PersonExported,
    ErasureRequested,
    PersonErased,
    PersonsMerged,
    PersonsUnmerged,
    MergedPersonChanged,
    IdentifierAdded,
    IdentifierRemoved,
    DevicePersonalized,
    DeviceDepersonalized,
    PrimaryChanged,
    IdentifierClaimed,
    IdentifierReleased,
    IdentifierClaimRenamed,
    IdentifierKeyReplaced,
    PushTokenClaimed,
    SegmentDefined,
    SegmentRemoved,
    CommandCompleted,
)

__all__ = [
    "EVENT_TYPES",
    "PERSONAL",
    "Category",
    "CommandCompleted",
    "DepersonalizeReason",
    "DeviceDepersonalized",
    "DevicePersonalized",
    "ErasureRequested",
    "Event",
    "ExpiryReason",
    "Facts",
    "IdentifierAdded",
    "IdentifierClaimRenamed",
    "IdentifierClaimed",
    "IdentifierKeyReplaced",
    "IdentifierReleased",
    "IdentifierRemoved",
    "InstallationEvent",
    "InstallationExpired",
    "InstallationRegistered",
    "InstallationRestated",
    "InstallationTagged",
    "InstallationUpdated",
    "MergeEvent",
    "MergePolicy",
    "MergedPersonChanged",
    "PersonCreated",
    "PersonErased",
    "PersonEvent",
    "PersonExported",
    "PersonPromoted",
    "PersonTagged",
    "PersonType",
    "PersonUpdated",
    "Personal",
    "PersonalData",
    "PersonalValues",
    "PersonsMerged",
    "PersonsUnmerged",
    "PrimaryChanged",
    "PushTokenClaimed",
    "SegmentDefined",
    "SegmentRemoved",
    "Values",
    "category_of",
    "name_in",
    "personal_fields",
    "stream_of",
]
