"""Queries on exported facts say what `History` says: on DuckDB, and by --long on Spark."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from addressee.adapters.ledger_files import opened_days
from addressee.adapters.sql import SqlStore
from addressee.application import History, Identity, Personalization, Recorded, export_facts
from addressee.domain import (
    AddresseeError,
    DeviceDepersonalized,
    DevicePersonalized,
    IdentifierAdded,
)

QUERIES = Path(__file__).parents[2] / "docs" / "analytics"
APPLICATIONS = ("shop", "bank")
DEVICES = [f"{code}-{number}" for code in APPLICATIONS for number in range(5)]
STAYS_AWAY = {"bank-30": 30, "bank-31": 31, "bank-last": 30}
"""Device of somebody's own → after how many days its owner signs in again, the last one nowhere."""
PERSONS = 12
COMMANDS = 400
CHURN = timedelta(days=30)
Rows = dict[str, list[tuple[object, ...]]]
"""Query → its rows, values in the order of their columns, days as text."""


class Lived(NamedTuple):
    """A year of sign-ins, its facts in a folder, and what `History` says of it."""

    folder: Path
    expected: Rows


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("analytics")
    with SqlStore(f"sqlite:///{folder}/ledger.db") as store:
        chance = random.Random(26)  # noqa: S311 # a life that can be had again
        ids = (f"id{number}" for number in count())
        persons = live(Personalization(store, ids=ids.__next__), chance, folder, store)
        return Lived(folder / "facts", expected(History(store), sorted(persons)))


def live(people: Personalization, chance: random.Random, folder: Path, store: SqlStore) -> set[str]:
    """Live a year, export now and then, and return the ids of all persons."""
    now, persons = datetime(2020, 1, 1, tzinfo=UTC), set[str]()
    for device in DEVICES:
        people.register(device.partition("-")[0], installation=device, at=now)
    for number in range(COMMANDS):
        # Many commands on one day, then none for weeks.
        now += timedelta(minutes=chance.choice([0, 1, 45, 300, 3_000 * chance.random() ** 3]))
        if chance.random() < 0.02:
            now += timedelta(days=chance.randrange(20, 50))
        device, name = chance.choice(DEVICES), f"p{int(chance.random() ** 2 * PERSONS)}"
        try:
            match chance.randrange(8):
                case 0 | 1 | 2:
                    people.depersonalize(device, at=now)
                case 3 if persons:
                    people.depersonalize_all(chance.choice(sorted(persons)), at=now)
                case 4 if chance.random() < 0.1:
                    people.expire(device, "unregistered", at=now)
                case 4 | 5:  # of an anonymous device this makes a lead
                    named = Identity(external_id=f"n{number}") if number % 4 == 0 else None
                    told = people.update_person(device, named, attributes={"n": number}, at=now)
                    persons.add(str(told.person))
                case _:
                    found = people.personalize(
                        device, Identity(external_id=name), force_depersonalize=True, at=now
                    )
                    persons.add(found.person)
        except AddresseeError:
            continue  # a device that has expired
        if number % 150 == 0:
            export_facts(store, partial(opened_days, folder / "facts"))
    persons.update(stay_away(people, now + timedelta(days=1)))
    export_facts(store, partial(opened_days, folder / "facts"))
    return persons


def stay_away(people: Personalization, now: datetime) -> Iterator[str]:
    """Have leads sign in two days later, and return the last day soon enough, late, and not yet."""
    for device, days in STAYS_AWAY.items():
        person = Identity(external_id=device)
        people.register("bank", installation=device, at=now)
        people.update_person(device, attributes={"n": 1}, at=now)
        now += timedelta(days=2)
        yield people.personalize(device, person, at=now).person
        people.depersonalize(device, at=now)
        now += timedelta(days=days)
        if device == "bank-last":
            people.tag_installation(device, add={"the last fact"}, at=now)
        else:
            people.personalize(device, person, at=now)


def expected(history: History, persons: Sequence[str]) -> Rows:
    """Compute what the queries should say, from the streams of persons one by one."""
    begun = defaultdict[tuple[date, str], list[DevicePersonalized]](list)
    had = defaultdict[tuple[date, str, str], set[str]](set)
    ever = defaultdict[tuple[str, str], set[str]](set)
    churned = defaultdict[tuple[date, str], set[str]](set)
    last_day = max(
        history.installation(device)[-1].event.timestamp.date()
        for device in (*DEVICES, *STAYS_AWAY)
    )
    for person in persons:
        recorded = history.person(person)
        last_day = max(last_day, recorded[-1].event.timestamp.date())
        sign_ins = [*signed_in(recorded)]
        for moment, event in sign_ins:
            begun[moment.date(), event.application].append(event)
            had[moment.date(), event.application, event.installation].add(person)
            ever[event.application, event.installation].add(person)
        for gone in signed_out(recorded) if sign_ins else ():
            day = gone.timestamp.date()
            had[day, gone.application, gone.installation].add(person)
            if left(history, gone, [moment for moment, _ in sign_ins]):
                churned[day, gone.reason].add(person)
    return {
        "sign_ins": [
            (str(day), code, len(e), len({x.person for x in e}), len({x.installation for x in e}))
            for (day, code), e in sorted(begun.items())
        ],
        "shared_devices": [
            (str(day), code, device)
            for (day, code, device), who in sorted(had.items())
            if len(who) > 1
        ],
        "ever_shared": [
            (code, device, len(who)) for (code, device), who in sorted(ever.items()) if len(who) > 1
        ],
        "churn": [
            (str(day), reason, len(who))
            for (day, reason), who in sorted(churned.items())
            if day + CHURN < last_day
        ],
    }


def signed_in(recorded: Sequence[Recorded]) -> Iterator[tuple[datetime, DevicePersonalized]]:
    """Yield since when a person whom an identifier names is on which device."""
    named, on = False, dict[str, DevicePersonalized]()
    for _, event in recorded:
        match event:
            case DevicePersonalized():
                on[event.installation] = event
                if named:
                    yield event.timestamp, event
            case DeviceDepersonalized():
                del on[event.installation]
            case IdentifierAdded() if not named:
                named = True
                yield from ((event.timestamp, binding) for binding in on.values())
            case _:
                pass


def signed_out(recorded: Sequence[Recorded]) -> Iterator[DeviceDepersonalized]:
    """Yield how a person left devices; one whom no identifier names yet leaves for good (R13)."""
    return (event for _, event in recorded if isinstance(event, DeviceDepersonalized))


def left(history: History, event: DeviceDepersonalized, signed_in: Sequence[datetime]) -> bool:
    """Whether a person had no device any more after this, and had none for 30 days."""
    if history.devices(event.person, event.timestamp):
        return False
    later = [at for at in signed_in if at > event.timestamp]
    return not later or later[0].date() > event.timestamp.date() + CHURN


def test_duckdb_says_what_history_says(lived: Lived) -> None:
    said: Rows = {}
    with duckdb.connect() as database:
        database.execute("set timezone = 'Pacific/Chatham'")
        pattern = f"{lived.folder}/day=*/*.parquet"
        database.execute(
            f"create view facts as from read_parquet('{pattern}', hive_partitioning = true)"
        )
        database.execute((QUERIES / "sessions.sql").read_text())
        for name in lived.expected:
            rows = database.sql((QUERIES / f"{name}.sql").read_text()).fetchall()
            said[name] = [tuple(str(x) if isinstance(x, date) else x for x in row) for row in rows]
    assert said == lived.expected
    assert all(len(rows) > 2 for rows in said.values()), "a life that shows something"


@pytest.mark.only_long
def test_spark_says_what_history_says(lived: Lived) -> None:
    if find_spec("pyspark") is None:
        pytest.fail("PySpark is missing: pip install -c constraints.txt -e '.[spark]'")
    if shutil.which("java") is None:
        pytest.fail("Spark needs Java 17: apt-get install openjdk-17-jre-headless")
    program = [sys.executable, str(QUERIES / "on_spark.py"), str(lived.folder)]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    said: Rows = {name: [] for name in lived.expected}
    for line in done.stdout.splitlines():
        row: dict[str, object] = json.loads(line)
        said[str(row.pop("query"))].append((*row.values(),))
    assert said == lived.expected
