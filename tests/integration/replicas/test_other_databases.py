"""A URL that names another database than a replica of the primary's answers no query (R19)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import create_engine, make_url, text

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.replicas.routing import ReplicatedQueries
from addressee.application import Identity, Personalization, Targeting
from addressee.domain import InvalidValue
from tests.integration.replicas.conftest import Replicated, replicated
from tests.integration.replicas.test_left_out import is_left_out
from tests.patience import wait_until
from tests.servers.databases.replicas import postgres_cluster

OTHER = "is of another database"
TELLS = "pg_control_system()"
"""What tells the cluster's number."""


@pytest.fixture(scope="module")
def elsewhere() -> Generator[Replicated]:
    """Return a ledger on another cluster, whose log is further ahead."""
    with postgres_cluster(1) as servers:
        there = replicated(servers)
        sign_in(there.url, "foreign")
        for number in range(3):
            servers.primary.execute("SELECT pg_switch_wal()")
            servers.primary.execute(f"CREATE TABLE ahead{number} (a int)")
        yield there


def sign_in(url: str, name: str) -> None:
    with SqlStore(url) as store:
        people = Personalization(store)
        people.register("shop", installation=name)
        people.personalize(name, Identity(external_id="ali"), tags={"vip"})


def applied(database: Replicated) -> None:
    """Return once a replica has all that was written."""
    [(written,)] = database.cluster.primary.execute("SELECT pg_current_wal_insert_lsn()")
    shows = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
    wait_until(
        lambda: all(each.execute(shows) == [(True,)] for each in database.cluster.replicas),
        "it is applied",
    )


def answers_only_from(url: str, replica: str) -> None:
    """Check that a wrong replica is left out, and a logout holds."""
    sign_in(url, "mine")
    with SqlStore(url, replicas=[replica]) as store:
        reach = Targeting(store)
        for _ in range(3):
            assert [*reach.targets("shop", "tag:vip")] == ["mine"]
            assert [*reach.targets("shop", 'external_id:"ali"')] == ["mine"]
        assert is_left_out(store, OTHER)
        Personalization(store).depersonalize("mine")
        assert reach.count("shop", "tag:vip") == 0
        assert is_left_out(store, OTHER)
        assert store.replicas[0].failures == 1


def test_R19_another_database_of_the_cluster_answers_no_query(database: Replicated) -> None:
    other = replicated(database.cluster)
    sign_in(other.url, "other")
    applied(other)
    answers_only_from(database.url, other.replicas[0])


def test_R19_another_cluster_answers_no_query(database: Replicated, elsewhere: Replicated) -> None:
    answers_only_from(database.url, elsewhere.replicas[0])


def test_R19_another_schema_of_the_database_answers_no_query(database: Replicated) -> None:
    engine = create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA others"))
    engine.dispose()
    option = "?options=-csearch_path%3Dothers"
    sign_in(database.url + option, "other")
    applied(database)
    answers_only_from(database.url, database.replicas[0] + option)


@contextmanager
def asker(database: Replicated) -> Generator[tuple[str, str]]:
    """Let a role use a ledger that may not know the cluster's number; give its URLs."""
    engine = create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(text(f"REVOKE EXECUTE ON FUNCTION {TELLS} FROM PUBLIC"))
        connection.execute(text("DROP ROLE IF EXISTS asker"))
        connection.execute(text("CREATE ROLE asker LOGIN"))
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(text(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO asker"))
    urls = [
        make_url(each).set(username="asker").render_as_string()
        for each in (database.url, database.replicas[0])
    ]
    try:
        yield urls[0], urls[1]
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP OWNED BY asker"))
            connection.execute(text("DROP ROLE asker"))
        engine.dispose()


def test_R19_where_the_cluster_is_not_told_the_ledgers_key_tells(
    database: Replicated, elsewhere: Replicated
) -> None:
    """Databases and tables of two clusters may have the same numbers."""
    sign_in(database.url, "mine")
    with asker(database) as (url, replica), asker(elsewhere) as (_, foreign):
        applied(database)
        applied(elsewhere)
        with SqlStore(url, replicas=[replica, foreign]) as store:
            for _ in range(4):
                assert [*Targeting(store).targets("shop", "tag:vip")] == ["mine"]
            wait_until(
                lambda: (
                    Targeting(store).count("shop", "tag:vip") == 1
                    and [each.left_out for each in store.replicas] == ["", OTHER]
                ),
                "its own is used",
            )


def test_R19_a_replica_that_becomes_another_one_is_left_out_and_taken_in_again(
    database: Replicated,
) -> None:
    """By way of what a URL does not tell, as behind a name that leads elsewhere."""
    engine = create_engine(database.url, isolation_level="AUTOCOMMIT")
    role = f"moved_{make_url(database.url).database}"
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA others"))
        connection.execute(text(f"CREATE ROLE {role} LOGIN SUPERUSER"))
        sign_in(f"{database.url}?options=-csearch_path%3Dothers", "other")
        sign_in(database.url, "mine")
        applied(database)
        replica = make_url(database.replicas[0]).set(username=role).render_as_string()
        with SqlStore(database.url, replicas=[replica]) as store:
            reach = Targeting(store)

            def left_out(why: str) -> bool:
                assert [*reach.targets("shop", "tag:vip")] == ["mine"]
                return is_left_out(store, why)

            wait_until(partial(left_out, ""), "it is used")
            connection.execute(text(f"ALTER ROLE {role} SET search_path = others"))
            applied(database)
            queries = store._queries
            assert isinstance(queries, ReplicatedQueries)
            queries._replicas[0].database.give_up()  # which has new ones opened
            wait_until(partial(left_out, OTHER), "it is left out")
            connection.execute(text(f"ALTER ROLE {role} RESET search_path"))
            wait_until(partial(left_out, ""), "it is used again")
        connection.execute(text(f"DROP ROLE {role}"))
    engine.dispose()


def test_a_server_that_refuses_says_why_without_names(database: Replicated) -> None:
    replica = database.cluster.replicas[0]
    nobody = make_url(database.replicas[0]).set(username="nobody").render_as_string()
    for url, why in ((replica.url("none"), "refuses: 3D000"), (nobody, "refuses: 28000")):
        with SqlStore(database.url, replicas=[url]) as store:
            assert Targeting(store).count("shop", "all") == 0
            assert [each.left_out for each in store.replicas] == [why]


def test_a_replica_that_is_no_url_is_said_to_be_one_of_the_replicas(database: Replicated) -> None:
    with pytest.raises(InvalidValue, match=r"^replicas is no URL"):
        SqlStore(database.url, replicas=["nonsense"])
