"""Applications on the command line, run as a person runs it."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.domain import MobileApp
from tests.acceptance.conftest import Run

SECRET = "00112233445566778899aabbccddeeff"


@pytest.fixture
def run(run: Run) -> Run:
    return partial(run, "app")


def listed(run: Run) -> dict[str, dict[str, object]]:
    rows = map(json.loads, run("list", "--json").stdout.splitlines())
    return {row["code"]: row for row in rows}


def test_an_application_is_added_changed_and_listed_without_secrets(run: Run) -> None:
    added = run("add", "shop", "--user-data", "jwt", "--jwt-key", f"main:{SECRET}")
    assert (added.returncode, added.stdout) == (0, "shop added\n")
    options = ("--device-cap", "5", "--over-cap", "evict", "--session-idle", "60")
    assert run("add", "shop", "--jwt-key", f"next:{SECRET}", *options).stdout == "shop changed\n"
    run("add", "shop", "--remove-jwt-key", "main", "--session-idle", "0")
    shop = listed(run)["shop"]
    assert shop["user_data"] == "jwt"
    assert shop["jwt_keys"] == ["next"]
    assert (shop["device_cap"], shop["over_cap"], shop["session_idle"]) == (5, "evict", None)
    assert "shop\tjwt" in run("list").stdout
    assert SECRET not in run("list").stdout + run("list", "--json").stdout


def test_R57_every_setting_of_an_application_has_an_option(run: Run) -> None:
    options = {*re.findall(r"--([a-z-]+)", run("add", "--help").stdout)}
    named = {"jwt_keys": "jwt-key", "issuers": "issuer", "none_ids": "none-id"}
    named["expire_anonymous_after"] = "anonymous-after"
    named["erase_anonymous_after"] = "erase-anonymous"
    settings = {*MobileApp.model_fields} - {"code"}
    assert {named.get(each, each.replace("_", "-")) for each in settings} <= options


def test_an_identity_provider_is_added_changed_and_removed(run: Run, tmp_path: Path) -> None:
    jwks = "https://id.example/keys"
    run("add", "shop", "--issuer", "https://id.example", "--jwks", jwks, "--audience", "app")
    first = {"issuer": "https://id.example", "jwks": jwks, "audiences": ["app"], "claim": "sub"}
    assert listed(run)["shop"]["issuers"] == [first]
    assert "https://id.example" in run("list").stdout
    assert jwks not in run("list").stdout
    (tmp_path / "my keys.json").touch()
    two = ("--audience", "a", "--audience", "b", "--claim", "uid")
    run("add", "shop", "--issuer", "second", "--jwks", "my keys.json", *two)
    run("add", "shop", "--issuer", "https://id.example", "--claim", "email", "--device-cap", "3")
    second = {"issuer": "second", "audiences": ["a", "b"], "claim": "uid"}
    second["jwks"] = (tmp_path / "my keys.json").as_uri()
    assert listed(run)["shop"]["issuers"] == [{**first, "claim": "email"}, second]
    run("add", "shop", "--remove-issuer", "https://id.example")
    assert listed(run)["shop"]["issuers"] == [second]
    file = tmp_path / "applications.toml"
    file.write_text(
        f'[[applications.shop.issuers]]\nissuer = "i"\njwks = "{jwks}"\naudiences = ["app"]\n'
    )
    assert run("load", str(file)).returncode == 0
    assert listed(run)["shop"]["issuers"] == [{**first, "issuer": "i"}]


def test_R44_R57_limits_and_ids_of_nobody_are_set_and_kept(run: Run) -> None:
    raised = {"attribute_limit": 300, "tag_limit": 2_000, "tagging_limit": 50_000}
    limits = raised | {"expression_limit": 20_000, "term_limit": 1_000, "level_limit": 50}
    given = [f"--{name.replace('_', '-')}={most}" for name, most in limits.items()]
    assert run("add", "shop", *given, "--none-id", "0", "--none-id", "Nobody").returncode == 0
    assert run("add", "shop", "--device-cap", "5").returncode == 0
    shop = listed(run)["shop"]
    assert {name: shop[name] for name in limits} == limits
    assert shop["none_ids"] == ["0", "Nobody"]
    run("add", "shop", "--usual-none-ids")
    assert listed(run)["shop"]["none_ids"] is None
    for name, most in (("tag_limit", 10_001), ("term_limit", 99), ("level_limit", 201)):
        refused = run("add", "shop", f"--{name.replace('_', '-')}={most}")
        assert refused.returncode != 0
        assert name in refused.stderr


def test_a_key_is_printed_once_and_kept_as_a_hash(run: Run, tmp_path: Path) -> None:
    run("add", "shop")
    made = run("key", "shop", "--scope", "backend")
    assert re.fullmatch(r"[0-9a-f]{16}\.[\w-]{43}\n", made.stdout)
    name, _, secret = made.stdout.strip().partition(".")
    assert listed(run)["shop"]["api_keys"] == [f"backend {name}"]
    with closing(sqlite3.connect(tmp_path / "addressee.db")) as database:
        assert secret not in "".join(database.iterdump())
    second = run("key", "shop", "--scope", "backend", "--rotate").stdout.partition(".")[0]
    assert listed(run)["shop"]["api_keys"] == [f"backend {second}"]
    assert run("revoke", second).stdout == "revoked\n"
    assert listed(run)["shop"]["api_keys"] == []


def test_the_sessions_of_operators_are_ended(run: Run, tmp_path: Path) -> None:
    run("add", "shop")
    store = SqlStore(f"sqlite:///{tmp_path / 'addressee.db'}")
    with store:
        before = store.applications.session_secret()
        assert run("end-sessions").stdout == "all sessions of operators have ended\n"
        assert store.applications.session_secret() != before


def test_a_file_lays_down_all_or_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "applications.toml"
    file.write_text(
        f'[applications.shop]\nuser_data = "jwt"\njwt_keys = {{ main = "{SECRET}" }}\n'
        "[applications.bank]\ndevice_cap = 2\n"
    )
    assert run("load", str(file)).stdout == "shop loaded\nbank loaded\n"
    assert listed(run)["bank"]["device_cap"] == 2
    file.write_text("[applications.bank]\n[applications.shop]\ndevice_cap = -1\n")
    refused = run("load", str(file))
    assert refused.returncode == 2
    assert "REQUEST_FORMAT_INVALID: device_cap" in refused.stderr
    assert listed(run)["bank"]["device_cap"] == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "a b"), "application has white space"),
        (("add", "shop", "--jwt-key", "main"), "jwt-key should be KID:HEX"),
        (("add", "shop", "--jwt-key", f"main:{SECRET[:20]}"), "takes 16 to 1024 bytes, 10 given"),
        (("add", "shop", "--issuer", "i", "--audience", "a"), "jwks Field required"),
        (("add", "shop", "--jwks", "https://i/k"), "issuer should be given with --jwks"),
        (("add", "shop", "--remove-issuer", "i"), "is no identity provider of the application"),
        (
            ("add", "shop", "--issuer", "i", "--audience", "a", "--jwks", "http://id.example/k"),
            "jwks should be a URL with https",
        ),
        (("key", "bank", "--scope", "backend"), "UNKNOWN_APPLICATION: application bank"),
        (("key", "shop", "--scope", "root"), "Invalid value"),
        (("revoke", "nothing"), "name is the name of no key"),
        (("load", "missing.toml"), "can't be opened"),
        (("list", "--store", "sqlite:///none.db"), "there is no store"),
    ],
)
def test_what_can_not_be_is_one_clear_line(run: Run, words: tuple[str, ...], says: str) -> None:
    run("add", "shop")
    done = run(*words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET[:20] not in done.stderr


def test_R56_a_mix_of_modes_is_noted_when_it_is_made(run: Run, tmp_path: Path) -> None:
    assert run("add", "vault", "--user-data", "jwt").stderr == ""
    mixed = run("add", "game", "--contacts", "vouched")
    assert (mixed.returncode, mixed.stdout) == (0, "game added\n")
    assert "game (open) shares its persons with vault (jwt)" in mixed.stderr
    assert listed(run)["game"]["contacts"] == "vouched"
    file = tmp_path / "more.toml"
    file.write_text('[applications.bank]\nuser_data = "restricted"\n')
    assert "with game (open), vault (jwt)" in run("load", str(file)).stderr
    file.write_text('[applications.game]\nuser_data = "restricted"\n')
    assert "game (restricted) shares its persons with vault (jwt);" in run("load", str(file)).stderr
