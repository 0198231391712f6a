"""The file about the identity provider, and what can be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from addressee.adapters.cli.commands import serve
from addressee.adapters.portal import Endpoints, OidcSettings, read_oidc
from addressee.domain import InvalidValue

LEAST = """
issuer = "https://login.example/realms/shop"
client = "portal"
portal = "https://shop.example/portal/"
roles.shop.admin = ["owners"]
"""
ROLES = {"shop": {"read": {"all"}}}


def written(folder: Path, text: str) -> Path:
    file = folder / "operators.toml"
    file.write_text(text)
    return file


def test_the_file_that_the_docs_show_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs/portal.md").read_text()
    _, _, block = page.partition("<!-- oidc -->\n```toml\n")
    (tmp_path / "client-secret.txt").write_text("s3cret")
    settings = read_oidc(written(tmp_path, block.partition("```")[0]))
    assert settings.role("shop", {"support-desk"}) == "support"


def test_a_file_has_the_settings(tmp_path: Path) -> None:
    settings = read_oidc(written(tmp_path, LEAST))
    assert settings.callback == "https://shop.example/portal/sign-in/callback"
    assert settings.role("shop", {"owners", "x"}) == "admin"
    assert settings.role("bank", {"owners"}) is None
    (tmp_path / "secret.txt").write_text("s3cret\n")
    ends = {name: f"https://login.example/{name}" for name in Endpoints._fields}
    named = "\n".join(f'{name} = "{url}"' for name, url in ends.items())
    more = 'secret = "secret.txt"\ngroups = "roles"\nname = "email"\nscopes = ["openid"]\n'
    settings = read_oidc(written(tmp_path, f"{more}{LEAST}[endpoints]\n{named}"))
    assert (settings.secret, settings.groups, settings.name) == ("s3cret", "roles", "email")
    assert settings.scopes == ("openid",)
    assert settings.endpoints == Endpoints(**ends)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "issuer"),
        (LEAST.replace("https://login", "http://login"), "issuer"),
        (LEAST.replace("https://shop", "http://shop"), "portal"),
        (LEAST.replace("admin", "boss"), "boss"),
        (LEAST.replace('["owners"]', '"owners"'), "admin"),
        (LEAST.replace('["owners"]', "[]"), "roles"),
        (f'client_secret = "x"{LEAST}', "client_secret"),
        (f'secret = "no file"{LEAST}', "secret"),
        (f"{LEAST}[endpoints]\ntoken = 'https://login.example/token'", "authorization"),
        (f"{LEAST}[endpoints]\ntokens = 'https://login.example/token'", "tokens"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InvalidValue, match=f"^portal-oidc: {field} "):
        read_oidc(written(tmp_path, text))


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://login.example:99999"},
        {"issuer": "file:///etc"},
        {"issuer": "https://user:pw@login.example"},
        {"issuer": "https://@login.example"},
        {"issuer": "https://login.example#x"},
        {"issuer": "https://login.example/#"},
        {"issuer": "https://login.example\\@evil.example"},
        {"portal": "https://shop.example\\portal"},
        {"endpoints": Endpoints("https://a", "https://b", "https://c", "https://d\\e")},
        {"client": ""},
        {"groups": ""},
        {"endpoints": Endpoints("https://a", "https://b", "ftp://c")},
        {"roles": {"shop": {}}},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    usual = {
        "issuer": "https://a",
        "client": "x",
        "portal": "https://b",
        "roles": ROLES,
    }
    with pytest.raises(InvalidValue):
        OidcSettings(**{**usual, **wrong})  # type: ignore[arg-type] # it checks them


def test_serve_refuses_a_file_that_is_wrong_or_for_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    file = written(tmp_path, LEAST)
    with pytest.raises(InvalidValue, match="is for the portal"):
        serve.serve_store(url, "127.0.0.1", 0, 1, portal=False, portal_oidc=file)
    file = written(tmp_path, LEAST.replace("https://login", "ftp://login"))
    with pytest.raises(InvalidValue, match="portal-oidc: issuer"):
        serve.serve_store(url, "127.0.0.1", 0, 1, portal_oidc=file)


def test_without_the_extra_serve_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    with pytest.raises(InvalidValue, match=r"addressee\[oidc\]"):
        serve.checked_oidc(written(tmp_path, LEAST), portal=True)
