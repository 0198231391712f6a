"""`addressee serve` with an identity provider, from the command that trusts it on."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.transport.conftest import HOME
from tests.command_line import run
from tests.servers import client, http_server
from tests.servers.identity_provider import identity_provider


def test_serve_takes_the_tokens_of_a_provider_that_the_command_line_added(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/shop.db"
    with identity_provider() as provider:
        words = (
            "--issuer",
            provider.url,
            "--jwks",
            f"{provider.url}/keys",
            "--audience",
            "shop-app",
        )
        added = run(
            "app", "add", "shop", "--user-data", "jwt", *words, "--store", store, folder=tmp_path
        )
        assert added.returncode == 0, added.stderr
        with http_server(store) as served, client(served.url) as http:
            code = {"Authorization": "App shop"}
            device = http.post(HOME, json={"os": "a"}, headers=code).json()["pushRegId"]
            path, body = (
                f"{HOME}/{device}/personalize",
                {"userIdentity": {"externalUserId": "zoë-7"}},
            )
            for token, status in (
                (provider.token("zoë-7"), 200),
                (provider.token("zoë-7", aud="x"), 401),
            ):
                headers = {"Authorization": f"Bearer {token}"}
                assert http.post(path, json=body, headers=headers).status_code == status
            log = served.log.read_text()
    assert provider.url not in log.partition("\n")[2]
    assert "zo" not in log
