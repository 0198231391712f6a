"""Commands in a transaction of an asynchronous host, as docs/embedding.md shows (R19)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting, verify
from tests.patience import PATIENCE
from tests.servers import Postgres

SESSIONS = 12


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def test_R19_commands_commit_with_rows_of_asynchronous_sessions(url: str) -> None:
    asynchronous = url.replace("sqlite:", "sqlite+aiosqlite:")  # psycopg has both in one
    store = SqlStore(url)
    phones = [Personalization(store).register("shop").installation for _ in range(SESSIONS)]

    async def main() -> int:
        engine = create_async_engine(asynchronous)
        async with engine.begin() as connection:
            joined = await connection.run_sync(lambda _: SqlStore(engine.sync_engine))
            await connection.execute(text("create table visits (customer text)"))
        people = Personalization(joined)

        async def visit(number: int, phone: str) -> None:
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(text("insert into visits values ('x')"))
                one = Identity(external_id=str(number))
                await session.run_sync(lambda own: people.personalize(phone, one, transaction=own))
                if number % 2:
                    await session.rollback()

        await asyncio.gather(*(visit(n, phone) for n, phone in enumerate(phones)))
        async with engine.connect() as connection:
            visits = await connection.execute(select(func.count()).select_from(text("visits")))
        await engine.dispose()
        return visits.scalar_one()

    assert asyncio.run(asyncio.wait_for(main(), PATIENCE)) == SESSIONS // 2
    assert Targeting(store).count("shop", "type:customer") == SESSIONS // 2
    assert verify(store).differences == ()
    store.close()
