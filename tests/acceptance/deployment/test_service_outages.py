"""The service while its database's sessions are killed, restarted or read-only (#13, #16)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from sqlalchemy import Engine, make_url

from addressee.adapters.sql import SqlStore
from addressee.application import issue_key, verify
from addressee.domain import MobileApp
from tests.integration.engine.test_outages import administrator, kill_sessions, run
from tests.patience import Progress
from tests.servers import MariaDB, Postgres, client, http_server

CLIENTS = 8
ANSWERS, MANY_ANSWERS = 2 * CLIENTS, 200 * CLIENTS
SESSIONS = {
    "postgresql": "select count(*) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()",
    "mariadb": "select count(*) from information_schema.processlist"
    " where db = database() and id <> connection_id()",
}


class Service:
    """A service and the sessions that it has.

    Args:
        url: the service's.
        key: a backend's.
        admin: of the service's database.
        answers: how many a storm has before it is disturbed, and after that.
    """

    def __init__(self, url: str, key: str, admin: Engine, answers: int) -> None:
        self._clients = [client(url, Authorization=f"App {key}") for _ in range(CLIENTS)]
        self.url, self.admin, self._answers = url, admin, answers
        self._names = iter(range(1_000_000))

    def sessions(self) -> int:
        with self.admin.connect() as connection:
            count = connection.exec_driver_sql(SESSIONS[self.admin.dialect.name])
            return int(count.scalar_one())

    def ready(self) -> int:
        http = self._clients[0]
        assert http.get("/v1/health").status_code == 200
        return http.get("/v1/ready").status_code

    def storm(self, disturb: Callable[[], object] = lambda: None) -> Counter[int]:
        """Register devices from many threads, and disturb them; return the statuses."""
        answered = Progress()

        def send(http: httpx.Client) -> Counter[int]:
            statuses = Counter[int]()
            while not answered.over:
                body = {"installation": f"d{next(self._names)}"}
                answer = http.post("/v1/commands/register", json=body)
                statuses[answer.status_code] += 1
                answered.add()
            return statuses

        with ThreadPoolExecutor(CLIENTS) as threads, closing(answered):
            running = [threads.submit(send, http) for http in self._clients]
            answered.wait_for(self._answers, "answers")
            disturb()
            answered.wait_for(self._answers, "answers after a disturbance")
            answered.close()
            return sum((each.result() for each in running), Counter())

    def close(self) -> None:
        for http in self._clients:
            http.close()

    def recovers(self, sessions: int) -> None:
        """Each session that is gone costs one answer at most, and then all is well."""
        answers = self.storm()
        assert answers.keys() <= {200, 503}, answers
        assert answers[503] <= sessions, answers
        assert self.storm().keys() == {200}
        assert self.ready() == 200


def kills(service: Service) -> None:
    gone = list[int]()

    def kill() -> None:
        gone.append(kill_sessions(service.admin))

    answers = service.storm(kill)
    assert answers.keys() <= {200, 503}, answers
    assert answers[503] <= gone[0], answers
    kill()
    service.recovers(gone[1])
    kill()
    time.sleep(1.1)
    service.recovers(0)  # what was idle for a second is checked before its use


def restarts(service: Service, server: Postgres | MariaDB) -> None:
    gone = list[int]()

    def restart() -> None:
        gone.append(service.sessions())
        server.stop()
        service.admin.dispose()
        assert service.ready() == 503
        server.start()

    answers = service.storm(restart)
    assert answers.keys() <= {200, 503}, answers
    service.recovers(gone[0])
    restart()
    service.recovers(gone[1])


def is_read_only_for_a_while(service: Service, on: str, off: str) -> None:
    """Make new sessions read-only, and writable again; old ones stay as they are."""
    run(service.admin, on)
    kill_sessions(service.admin)
    answers = service.storm()
    assert answers.keys() == {503}, answers
    assert service.ready() == 503
    sessions = service.sessions()
    run(service.admin, off)
    service.recovers(sessions)


@pytest.mark.parametrize(
    "database",
    ["postgres", pytest.param("mariadb", marks=[pytest.mark.every_case, pytest.mark.mariadb])],
)
def test_an_outage_costs_an_answer_a_session_and_ready_tells_the_truth(
    request: pytest.FixtureRequest, database: str, *, long: bool
) -> None:
    server: Postgres | MariaDB = request.getfixturevalue(database)
    url = make_url(server.new_database())
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")
    with administrator(url) as admin:
        on, off = "set global read_only = 1", "set global read_only = 0"
        if database == "postgres":
            setting = f"alter database {url.database} set default_transaction_read_only"
            on, off = f"{setting} = on", f"{setting} = off"
        else:  # root may write whatever is set
            run(admin, "create or replace user clerk identified by 'secret'")
            run(admin, f"grant all on {url.database}.* to clerk")
            url = url.set(username="clerk", password="secret")
        try:
            with http_server(url.render_as_string(hide_password=False)) as served:
                service = Service(served.url, key, admin, MANY_ANSWERS if long else ANSWERS)
                assert service.storm().keys() == {200}
                kills(service)
                restarts(service, server)
                is_read_only_for_a_while(service, on, off)
                service.close()
        finally:
            server.start()
            run(admin, off)
    with SqlStore(url) as store:
        assert verify(store).differences == ()
