"""All errors, in one tree that callers can catch at any level.

AddresseeError
├── InvalidValue
│   ├── LimitExceeded
│   ├── PhoneInvalid
│   ├── EmailInvalid
│   ├── UserIdentityInvalid
│   └── ExpressionInvalid
├── NoRegistration
├── AmbiguousPersonalizeCandidates
├── PersonalizationImpossible
├── UserMergeInterrupted
├── MergeRefused
├── ErasureRefused
├── Forbidden
│   ├── OtherPerson
│   └── PersonProtected
├── DeviceLimitReached
├── NotPersonalized
├── UnknownApplication
├── UnknownPerson
├── UnknownMerge
├── UnknownSegment
├── UnknownDispatch
├── UnknownSink
├── SegmentCycle
├── SegmentInUse
├── IdempotencyKeyReused
├── Conflict
│   └── MergeOutdated
└── StoreError, and errors of an exported ledger: store_errors.py

Every class has a stable ``code``. Messages name fields, limits and sizes, never the given value and
never another person's data: they are safe to log.
"""

from __future__ import annotations

from .base import AddresseeError, Conflict, IdempotencyKeyReused
from .binding_errors import (
    AmbiguousPersonalizeCandidates,
    DeviceLimitReached,
    Forbidden,
    NoRegistration,
    NotPersonalized,
    OtherPerson,
    PersonalizationImpossible,
    PersonProtected,
    UserMergeInterrupted,
)
from .name_errors import (
    SegmentCycle,
    SegmentInUse,
    UnknownApplication,
    UnknownDispatch,
    UnknownPerson,
    UnknownSegment,
    UnknownSink,
)
from .rights_errors import (
    ErasureRefused,
    MergeOutdated,
    MergeRefusal,
    MergeRefused,
    UnknownMerge,
)
from .value_errors import (
    EmailInvalid,
    ExpressionInvalid,
    InvalidValue,
    LimitExceeded,
    PhoneInvalid,
    UserIdentityInvalid,
    first_problem,
)

__all__ = [
    "AddresseeError",
    "AmbiguousPersonalizeCandidates",
    "Conflict",
    "DeviceLimitReached",
    "EmailInvalid",
    "ErasureRefused",
    "ExpressionInvalid",
    "Forbidden",
    "IdempotencyKeyReused",
    "InvalidValue",
    "LimitExceeded",
    "MergeOutdated",
    "MergeRefusal",
    "MergeRefused",
    "NoRegistration",
    "NotPersonalized",
    "OtherPerson",
    "PersonProtected",
    "PersonalizationImpossible",
    "PhoneInvalid",
    "SegmentCycle",
    "SegmentInUse",
    "UnknownApplication",
    "UnknownDispatch",
    "UnknownMerge",
    "UnknownPerson",
    "UnknownSegment",
    "UnknownSink",
    "UserIdentityInvalid",
    "UserMergeInterrupted",
    "first_problem",
]
