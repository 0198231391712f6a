"""The commands and queries that a host embeds, and the ports that adapters implement."""

from addressee.domain import Identity, SessionPolicy

from .access.api_keys import issue_key, recognized
from .access.application_policies import Policies
from .access.cached_applications import Configured
from .administration import Administration
from .audiences.cost_estimate import Step, TargetingPlan
from .audiences.explanation import Explanation, TermExplanation
from .audiences.paged_audience import Recipients
from .bulk import Call, bulk, together
from .command_methods.merges import AudienceChange, MergePreview
from .execution.command_runner import Outcome
from .execution.tracing import Tracing
from .history import History
from .ledger.erasures_to_repeat import (
    forgotten_erasures,
    forgotten_installations,
    interrupted_erasures,
    interrupted_installations,
)
from .ledger.event_consistency import Difference
from .ledger.facts_export import ExportedFacts, export_facts
from .ledger.hash_chain import START, link
from .ledger.seal_check import Anchor, broken_seals, lost_anchors, stored_events
from .ledger.transfer import export_ledger, import_ledger
from .ledger.verify import Verification, verify
from .past.as_of import AsOf
from .past.past_view_by_folding import Horizon, Moment, Past
from .personalization import Personalization
from .ports.applications import ApiKey, Applications, Scope
from .ports.audit_views import Audit
from .ports.delivery.dispatches import (
    Dispatch,
    DispatchReader,
    DispatchView,
    Fate,
    PushBatch,
    PushOutcome,
    SendingStore,
)
from .ports.delivery.event_sink import (
    DeliveryFailed,
    EventSink,
    FactMessage,
    MessageRefused,
    Published,
    SinkClosed,
    SinkProblem,
    SinkUnavailable,
)
from .ports.delivery.push import (
    Accepted,
    Answer,
    Dead,
    Message,
    PushTransport,
    Rejected,
    Retry,
    Unknown,
)
from .ports.delivery.relays import DeadLetter, RelayStore, SinkProgress, SinkState, Turn
from .ports.delivery.work_queue import Ticket, WorkQueue
from .ports.keys import Key, KeyStore, SealedStore
from .ports.operator_actions import Administering, AdministrableStore
from .ports.public_facts import FactRow, FactsEnd, FactsHeading, FactSink
from .ports.read_model_changes import Changes, InstallationChange
from .ports.records import (
    Found,
    InstallationRow,
    Lookup,
    Mark,
    Recipient,
    Recorded,
    Seal,
    Stored,
    TimeSpan,
    Trace,
)
from .ports.store import (
    AuditableStore,
    CachingStore,
    JoinableStore,
    LookupStore,
    NotCached,
    Store,
    TimedStore,
    Viewable,
)
from .ports.transaction_views import Reader, RememberingView, Transaction, View
from .ports.transfer import End, FillableStore, Filling, Heading, Sink, Source
from .profile_queries import Profile, Profiles
from .read_models.in_memory import ReadModels
from .read_models.ledger_page_end import whole_length, whole_page
from .read_models.replay import Replay
from .read_models.sent_pushes import SentPush
from .read_models.states import InstallationState, PersonState
from .relay.cloud_events import CloudEvents
from .relay.relay import Relay
from .relay.sink_administration import Sinks, SinkStatus
from .rights.erasure import Erasure
from .rights.identifier_key_replacement import Rekeyed, rekey
from .rights.installations.erasure import InstallationErasure
from .rights.rights import Access, Rights
from .sending.notifier import Notifier
from .sending.status import DispatchStatus
from .targeting import Targeting
from .unit_of_work.command_context import Context
from .unit_of_work.results import (
    Depersonalized,
    Inactivity,
    Merged,
    Personalized,
    PrimaryMove,
    Registered,
    Result,
    Updated,
)

__all__ = [
    "START",
    "Accepted",
    "Access",
    "Administering",
    "AdministrableStore",
    "Administration",
    "Anchor",
    "Answer",
    "ApiKey",
    "Applications",
    "AsOf",
    "AudienceChange",
    "Audit",
    "AuditableStore",
    "CachingStore",
    "Call",
    "Changes",
    "CloudEvents",
    "Configured",
    "Context",
    "Dead",
    "DeadLetter",
    "DeliveryFailed",
    "Depersonalized",
    "Difference",
    "Dispatch",
    "DispatchReader",
    "DispatchStatus",
    "DispatchView",
    "End",
    "Erasure",
    "EventSink",
    "Explanation",
    "ExportedFacts",
    "FactMessage",
    "FactRow",
    "FactSink",
    "FactsEnd",
    "FactsHeading",
    "Fate",
    "FillableStore",
    "Filling",
    "Found",
    "Heading",
    "History",
    "Horizon",
    "Identity",
    "Inactivity",
    "InstallationChange",
    "InstallationErasure",
    "InstallationRow",
    "InstallationState",
    "JoinableStore",
    "Key",
    "KeyStore",
    "Lookup",
    "LookupStore",
    "Mark",
    "MergePreview",
    "Merged",
    "Message",
    "MessageRefused",
    "Moment",
    "NotCached",
    "Notifier",
    "Outcome",
    "Past",
    "PersonState",
    "Personalization",
    "Personalized",
    "Policies",
    "PrimaryMove",
    "Profile",
    "Profiles",
    "Published",
    "PushBatch",
    "PushOutcome",
    "PushTransport",
    "ReadModels",
    "Reader",
    "Recipient",
    "Recipients",
    "Recorded",
    "Registered",
    "Rejected",
    "Rekeyed",
    "Relay",
    "RelayStore",
    "RememberingView",
    "Replay",
    "Result",
    "Retry",
    "Rights",
    "Scope",
    "Seal",
    "SealedStore",
    "SendingStore",
    "SentPush",
    "SessionPolicy",
    "Sink",
    "SinkClosed",
    "SinkProblem",
    "SinkProgress",
    "SinkState",
    "SinkStatus",
    "SinkUnavailable",
    "Sinks",
    "Source",
    "Step",
    "Store",
    "Stored",
    "Targeting",
    "TargetingPlan",
    "TermExplanation",
    "Ticket",
    "TimeSpan",
    "TimedStore",
    "Trace",
    "Tracing",
    "Transaction",
    "Turn",
    "Unknown",
    "Updated",
    "Verification",
    "View",
    "Viewable",
    "WorkQueue",
    "broken_seals",
    "bulk",
    "export_facts",
    "export_ledger",
    "forgotten_erasures",
    "forgotten_installations",
    "import_ledger",
    "interrupted_erasures",
    "interrupted_installations",
    "issue_key",
    "link",
    "lost_anchors",
    "recognized",
    "rekey",
    "stored_events",
    "together",
    "verify",
    "whole_length",
    "whole_page",
]
