"""The portal of `addressee serve`."""

from __future__ import annotations

from pathlib import Path

import pytest

from addressee.adapters.cli.commands import serve
from addressee.adapters.sql import SqlStore
from addressee.application import issue_key
from addressee.domain import MobileApp
from tests.acceptance.conftest import Run
from tests.patience import wait_until
from tests.servers import http_server

from .visits import Operator


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/shop.db"
    with SqlStore(url) as made:
        made.applications.put(MobileApp(code="shop"))
    return url


OIDC = """
issuer = "https://login.example/realms/shop"
client = "portal"
portal = "https://shop.example/portal"
roles.shop.admin = ["owners"]
"""


def test_serve_has_the_portal_and_its_works(store: str, tmp_path: Path) -> None:
    with SqlStore(store) as made:
        key = issue_key(made.applications, "shop", "admin")
    oidc = tmp_path / "operators.toml"
    oidc.write_text(OIDC)
    with http_server(store, "--portal-http", "--portal-oidc", str(oidc)) as served:
        assert "Sign in to shop" in Operator(served.url).get("/sign-in").text
        admin = Operator(served.url, key)
        page = admin.get("/operations").text
        for work in ("check", "rebuild", "seal"):
            assert f'name="work" value="{work}"' in page
        assert "Started." in admin.post("/operations/work", work="seal").text
        wait_until(lambda: "the ledger is empty" in admin.get("/operations").text, "it is sealed")


def test_by_default_its_sessions_need_tls(store: str) -> None:
    with http_server(store) as served:
        given = Operator(served.url).get("/sign-in").headers["set-cookie"]
    assert given.startswith("__Host-addressee=")
    assert "Secure" in given


def test_no_portal_leaves_it_out(store: str) -> None:
    with http_server(store, "--no-portal") as served:
        assert Operator(served.url).http.get("/portal/").status_code == 404


def test_sessions_without_tls_are_for_this_machine_alone(store: str, run: Run) -> None:
    done = run("serve", "--store", store, "--host", "0.0.0.0", "--portal-http")  # noqa: S104 # refused
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_without_the_extra_serve_says_what_to_install_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    assert not serve.portal_is_there("127.0.0.1", http=False)
    assert "pip install 'addressee[portal]'" in capsys.readouterr().err
