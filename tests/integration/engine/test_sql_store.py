"""What only a store in a database file can get wrong (R19, R29)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from addressee.adapters.sql import SqlStore
from addressee.application import Changes, History, Identity, Personalization, Targeting
from addressee.domain import InvalidValue, StoreDamaged, StoreUnavailable
from tests.forked import PIPE, forked


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


def test_R29_a_transaction_that_fails_in_the_middle_leaves_nothing(url: str) -> None:
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="a")
        with store.reading() as reader:
            before = reader.events(0, 100)
        half = before[0].event.model_copy(update={"originator_id": "installation:half"})

        def fail_halfway() -> None:
            with store.writing() as transaction:
                transaction.append([half], Changes(holders={"claim:x": "somebody"}))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_halfway()
        with store.reading() as reader:
            assert reader.events(0, 100) == before
        with store.auditing() as audit:
            assert "claim:x" not in dict(audit.claims())


def test_R5_the_identifier_key_stays_with_the_store(url: str) -> None:
    with SqlStore(url) as store:
        device = Personalization(store).register("shop", installation="a").installation
        Personalization(store).personalize(device, Identity(emails=["a@x.com"]))
    with SqlStore(url) as again:
        assert again.identifier_key == store.identifier_key
        assert Targeting(again).count("shop", "email:a@x.com") == 1
        assert len(History(again).identifier("email", "a@x.com")) == 1
    with SqlStore(url, identifier_key=b"another") as other:
        assert Targeting(other).count("shop", "email:a@x.com") == 0


RACE = """
import sys
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
people = Personalization(SqlStore(sys.argv[1]))
sys.stdin.readline()
for n in range(40):
    device = people.register("shop").installation
    answer = people.personalize(device, Identity(emails=[f"{n}@x.com"]))
    people.register("bank", push_token=f"token-{n}")
    print(answer.person, flush=True)
"""


def test_R5_R7_six_processes_claim_the_same_emails_and_tokens(url: str) -> None:
    with SqlStore(url) as store:
        processes = [forked("-c", RACE, url, stdin=PIPE, stdout=PIPE) for _ in range(6)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = list[list[str]]()
        for process in processes:
            with process:
                assert process.stdout is not None
                answers.append(process.stdout.read().split())
        assert [process.returncode for process in processes] == [0] * 6
        assert [len({*persons}) for persons in zip(*answers, strict=True)] == [1] * 40
        assert Targeting(store).count("shop", "all") == 6 * 40
        assert Targeting(store).count("bank", "all") == 40


def test_a_hosts_engine_is_taken_as_it_is(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/host.db")
    with engine.begin() as connection:
        connection.execute(text("create table orders (id integer primary key)"))
    store = SqlStore(engine, prefix="push_")
    Personalization(store).register("shop", installation="a")
    assert Targeting(store).preview("shop", "all") == ["a"]
    assert names(engine) >= {"orders", "push_event", "push_installation"}
    engine.dispose()


def names(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(text("select name from sqlite_master where type = 'table'"))
        return set(rows.scalars())


def test_a_url_that_can_t_be_opened_is_a_typed_error(tmp_path: Path) -> None:
    for wrong in ("nonsense", "sqlite://", "sqlite:///:memory:", "oracledb+none://x"):
        with pytest.raises(InvalidValue):
            SqlStore(wrong)
    with pytest.raises(StoreUnavailable):
        SqlStore(f"sqlite:///{tmp_path}/missing/ledger.db")
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to tell\n" * 50)
    with pytest.raises(StoreDamaged):
        SqlStore(f"sqlite:///{tmp_path}/text.db")


def test_a_damaged_chunk_is_noticed_and_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addressee.adapters.sql.audience_index.compaction_trigger.COMPACT_AT", 1)
    with SqlStore(url) as store:
        people = Personalization(store)
        for n in range(3):
            people.register("shop", installation=f"d{n}", os="ios")
        assert Targeting(store).count("shop", "os:ios") == 3
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("update addressee_chunk set data = zeroblob(9)"))
        engine.dispose()
    with (
        SqlStore(url) as another,
        pytest.raises(StoreDamaged, match=r"chunk of term \d+, shard 0"),
    ):
        Targeting(another).count("shop", "os:ios")


def test_a_store_remembers_what_it_indexes(url: str) -> None:
    with SqlStore(url, indexed_attributes=["attr.plan"]) as store:
        people = Personalization(store)
        people.register("shop", installation="a")
        people.personalize("a", Identity(external_id="ali"), attributes={"plan": "gold"})
    with SqlStore(url) as store:
        assert store.indexed_attributes == {"attr.plan"}
        assert Targeting(store).count("shop", "attr.plan:gold") == 1
    with SqlStore(url, indexed_attributes=[]) as store:
        assert store.indexed_attributes == frozenset()
    with SqlStore(url) as store:
        assert store.indexed_attributes == frozenset()
