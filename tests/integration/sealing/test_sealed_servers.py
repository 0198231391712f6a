"""The same search in the files of database servers, with --long."""

from __future__ import annotations

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Targeting, verify
from tests.integration.sealing.conftest import INDEXED, VALUES, WRAPPING, found_in, live, send
from tests.servers import LentDatabases


@pytest.mark.every_case
@pytest.mark.parametrize("server", ["postgres", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def test_R50_no_row_of_a_server_has_a_persons_values(
    server: str, request: pytest.FixtureRequest
) -> None:
    databases: LentDatabases = request.getfixturevalue(f"lent_{server}")
    with (
        databases.engine() as engine,
        SqlKeyStore(engine.url, wrapping_key=WRAPPING) as keys,
        SqlStore(engine, keys=keys, indexed_attributes=INDEXED) as store,
    ):
        _, phone = live(store)
        send(store)
        assert store.compact()
        Rebuild(store).run()
        assert verify(store).differences == ()
        assert [*Targeting(store).targets("shop", f'tag:"{VALUES["tag"]}"')] == [phone]
        with engine.connect() as connection:
            for table in store.parts.prepared.schema.metadata.sorted_tables:
                rows = connection.execute(table.select()).all()
                for value in (value for row in rows for value in row):
                    content = value if isinstance(value, bytes) else str(value).encode()
                    assert found_in(content) == [], table.name
