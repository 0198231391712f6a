"""The migrations, and how to undo them."""

from __future__ import annotations

from sqlalchemy import Connection, text

CHECKS = {
    "sqlite": "select 1 where 0",
    "postgresql": "select conname, convalidated, pg_get_constraintdef(oid) from pg_constraint"
    " where contype = 'c' order by 1",
    "mariadb": "select constraint_name, check_clause from information_schema.check_constraints"
    " where constraint_schema = database() order by 1",
}

TRIGGERS = {
    "sqlite": "select sql from sqlite_master where type = 'trigger' order by name",
    "postgresql": "select action_statement, event_manipulation, event_object_table"
    " from information_schema.triggers order by 1, 2",
    "mariadb": "select action_statement, event_manipulation, event_object_table"
    " from information_schema.triggers where trigger_schema = database() order by 1, 2",
}

MIGRATIONS = [
    "0001 The ledger and its read models, as of 0.1.0.",
    "0002 Where pushes reach installations; `addressee rebuild --only addresses` fills it.",
    "0003 Events begin with position 1, nothing replaces a row, and seals name the identifier key.",
    "0004 Pushes that are sent, in batches.",
    "0005 Facts that go to other services: how much each sink has, and dead letters.",
    "0006 Dispatches that are running are found without reading the others.",
    "0007 Columns for lookups and sessions; the next `addressee migrate` fills them.",
    "0008 Addresses in one column, which is faster to read; the next `addressee migrate` fills it.",
    "0009 Nothing; what it did is done by 0015, after the deployment that 0014 comes before.",
    "0010 What the audience index was, and times of events; `addressee migrate` fills both.",
    "0011 Nothing; what it did is done by 0015, after the deployment that 0014 comes before.",
    "0012 Since when installations are anonymous; the next `addressee migrate` fills it.",
    "0013 Nothing; what it did is done by 0015, after the deployment that 0014 comes before.",
    "0014 When dispatches that are scheduled leave, and an index of it.",
    "0015 Addresses in columns of their own go; only code before 0008 reads them.",
    "0016 The batches that an installation was in are found without reading the others.",
    "0017 On MariaDB a plain index of persons, so that a sign-in locks no other person's rows.",
]
BEFORE = 14
"""How many of them are run before the deployment."""

REVISIONS = [line[:4] for line in MIGRATIONS]

UNDONE: dict[str, dict[str, list[str]]] = {
    "0002": {name: ["drop table addressee_address"] for name in TRIGGERS},
    "0003": {
        "sqlite": [
            "drop trigger addressee_event_no_REPLACE",
            "drop trigger addressee_seal_no_REPLACE",
            "drop trigger addressee_event_in_range",
            "alter table addressee_seal drop column key_fingerprint",
        ],
        "postgresql": [
            "alter table addressee_event drop constraint addressee_event_in_range",
            "alter table addressee_seal drop column key_fingerprint",
        ],
        "mariadb": [
            "drop trigger addressee_event_in_range",
            "alter table addressee_seal drop column key_fingerprint",
        ],
    },
    "0004": {
        name: ["drop table addressee_push_batch", "drop table addressee_dispatch"]
        for name in TRIGGERS
    },
    "0005": {
        name: ["drop table addressee_sink", "drop table addressee_dead_letter"] for name in TRIGGERS
    },
    "0006": {
        "sqlite": ["drop index addressee_dispatch_state"],
        "postgresql": ["drop index addressee_dispatch_state"],
        "mariadb": ["drop index addressee_dispatch_state on addressee_dispatch"],
    },
    "0007": {
        name: [
            f"drop index addressee_session_idle{' on addressee_installation' * on}",
            "alter table addressee_installation drop column flags",
            "alter table addressee_installation drop column idle_from",
        ]
        for name, on in (("sqlite", 0), ("postgresql", 0), ("mariadb", 1))
    },
    "0008": {
        name: [
            "drop table addressee_push_address",
            "delete from addressee_setting where name = 'written addresses'",
        ]
        for name in TRIGGERS
    },
    "0009": {name: [] for name in TRIGGERS},
    "0010": {
        name: [
            "drop table addressee_index_mark",
            "drop table addressee_posting_change",
            "drop table addressee_time_span",
            "delete from addressee_setting where name = 'marks from the first event'",
        ]
        for name in TRIGGERS
    },
    "0011": {name: [] for name in TRIGGERS},
    "0012": {
        name: [
            f"drop index addressee_anonymous_idle{' on addressee_installation' * on}",
            "alter table addressee_installation drop column anonymous_from",
            "delete from addressee_setting where name = 'installation columns'",
        ]
        for name, on in (("sqlite", 0), ("postgresql", 0), ("mariadb", 1))
    },
    "0013": {name: [] for name in TRIGGERS},
    "0014": {
        name: [
            f"drop index addressee_dispatch_starts_at{' on addressee_dispatch' * on}",
            "alter table addressee_dispatch drop column starts_at",
        ]
        for name, on in (("sqlite", 0), ("postgresql", 0), ("mariadb", 1))
    },
    "0015": {
        name: [
            (
                "create table addressee_address (ordinal integer primary key, service varchar(50),"
                f" address {blob} not null, details {blob} not null, since bigint not null)"
            )
        ]
        for name, blob in (("sqlite", "blob"), ("postgresql", "bytea"), ("mariadb", "longblob"))
    },
    "0016": {
        name: [f"drop index addressee_push_batch_attempt{' on addressee_push_batch' * on}"]
        for name, on in (("sqlite", 0), ("postgresql", 0), ("mariadb", 1))
    },
    "0017": {
        "sqlite": [],
        "postgresql": [],
        "mariadb": [
            "drop index addressee_person_devices on addressee_installation",
            "create unique index person on addressee_installation (person, ordinal)",
        ],
    },
}


def undo(connection: Connection, *revisions: str) -> None:
    """Take the newest migrations back, as if the store were of the release before."""
    for revision in revisions:
        for statement in UNDONE[revision][connection.dialect.name]:
            connection.execute(text(statement))
        before = f"{int(revision) - 1:04}"
        version = text("update addressee_migration set version_num = :before")
        connection.execute(version, {"before": before})
