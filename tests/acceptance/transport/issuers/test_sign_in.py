"""Right people get in with a token of the identity provider, and nobody else."""

from __future__ import annotations

import sys

import jwt
import pytest

from addressee.adapters.http import create_app
from addressee.adapters.memory import MemoryStore
from addressee.application import issue_key
from tests.acceptance.transport.conftest import FAR, HOME, code_of
from tests.acceptance.transport.test_serving import asked
from tests.integration.tokens.test_issued_tokens import FORGED, with_public_key

from .conftest import NAMED, SECRET, IssuerWorld


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_R55_a_token_of_the_provider_signs_in_its_person_and_no_other(
    world: IssuerWorld, algorithm: str
) -> None:
    world.provider.rotate(f"new {algorithm}", algorithm)
    device, token = world.register(), world.provider.token("ali")
    assert world.sign_in(device, token, "eve").status_code == 403
    told = world.sign_in(device, token)
    assert (told.status_code, told.json()["externalUserId"]) == (200, "ali")
    assert device in world.found("external_id:ali")
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{HOME}/{device}/user"
    assert world.http.patch(path, json={"firstName": "A"}, headers=headers).is_success
    assert world.http.get(path, headers=headers).json()["firstName"] == "A"
    stranger = {"Authorization": f"Bearer {world.provider.token('eve')}"}
    assert world.http.get(path, headers=stranger).status_code == 403
    assert world.http.post(f"{HOME}/{device}/depersonalize", headers=stranger).is_success  # R43
    assert device in world.found("external_id:ali")
    assert world.http.post(f"{HOME}/{device}/depersonalize", headers=headers).is_success
    assert device not in world.found("external_id:ali")
    assert len(world.provider.asked) == 1


def test_R55_verified_claims_of_the_provider_vouch_for_contacts(world: IssuerWorld) -> None:
    emails = [{"address": "v1@x.com"}]
    said = world.provider.token("v1", email="v1@x.com")
    assert world.sign_in(world.register(), said, "v1", emails=emails).json()["emails"] == []
    vouched = world.provider.token("v1", email="v1@x.com", email_verified=True)
    told = world.sign_in(world.register(), vouched, "v1", emails=emails).json()["emails"]
    assert [each["address"] for each in told] == ["v1@x.com"]


def test_nobody_else_gets_in_and_nothing_is_recorded(world: IssuerWorld) -> None:
    device, provider = world.register(), world.provider
    provider.rotate("first")
    provider.add("rsa", "RS256")
    tokens = {what: forge(provider) for what, (forge, _) in FORGED.items()}
    tokens |= {f"HS256 {n}": each for n, each in enumerate(with_public_key(provider, "rsa"))}
    for what, token in tokens.items():
        refused = world.sign_in(device, token)
        assert (refused.status_code, code_of(refused)) == (401, "UNAUTHORIZED"), what
        assert "the token is not valid" in refused.text, what
        assert provider.url not in refused.text, what
    assert world.topics(device) == ["InstallationRegistered"]
    assert len(provider.asked) <= 1
    assert world.sign_in(device, provider.token()).is_success


def test_the_audience_says_which_application_a_token_is_for(world: IssuerWorld) -> None:
    provider = world.provider
    device = {code: world.register(code) for code in ("bank", "staff", "twin", "twin2")}
    bank = provider.token("b1", iss=NAMED, aud="bank-app")
    assert world.sign_in(device["bank"], bank, "b1").is_success
    assert code_of(world.sign_in(device["staff"], bank, "b1")) == "NO_REGISTRATION"
    own_claim = provider.token(
        "opaque", None, None, iss=NAMED, aud=["staff-app"], **{"https://x.com/employee": "e7"}
    )
    assert world.sign_in(device["staff"], own_claim, "opaque").status_code == 403
    assert world.sign_in(device["staff"], own_claim, "e7").is_success
    without = provider.token("opaque", iss=NAMED, aud="staff-app")
    assert "https://x.com/employee should be" in world.sign_in(device["staff"], without).text

    def of_twins(**claims: object) -> str:
        return provider.token("t1", None, None, iss=NAMED, aud="twin-app", **claims)

    assert "several applications" in world.sign_in(device["twin"], of_twins()).text
    for code in ("twin", "twin2"):
        token = of_twins(**{"infobip-api-key": code})
        assert world.sign_in(device[code], token, "t1").is_success
    elsewhere = of_twins(**{"infobip-api-key": "bank"})
    assert world.sign_in(device["twin"], elsewhere, "t1").status_code == 401


def test_keys_of_the_application_count_beside_those_of_a_provider(world: IssuerWorld) -> None:
    device = world.register("both")
    token = world.provider.token("c1", iss=NAMED, aud="both-app")
    assert world.sign_in(device, token, "c1").is_success
    claims = {"sub": "c1", "infobip-api-key": "both", "exp": FAR}
    own = jwt.encode(claims, SECRET, "HS256", {"kid": "main"})
    assert world.sign_in(device, own, "c1").is_success


def test_metrics_tell_of_fetches_and_name_nobody(world: IssuerWorld) -> None:
    assert world.sign_in(world.register(), world.provider.token("m1"), "m1").is_success
    key = issue_key(world.applications, "shop", "admin")
    told = world.http.get("/v1/metrics", headers={"Authorization": f"App {key}"}).text
    for outcome, number in world.keys.fetches.items():
        line = f'addressee_issuer_key_fetches_total{{outcome="{outcome}"}} {number:.1f}'
        assert line in told.splitlines()
    assert world.keys.fetches["fetched"] > 0
    assert "m1" not in told


def test_without_its_extra_the_service_says_how_to_get_it(
    world: IssuerWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "addressee.adapters.tokens.issued_tokens", None)
    app = create_app(MemoryStore(), world.applications)
    headers = {"Authorization": f"Bearer {world.provider.token()}"}
    refused = asked(app, "GET", f"{HOME}/x", headers=headers)
    assert (refused.status_code, refused.content) == (503, b"{}")
    assert "pip install 'addressee[oidc]'" in caplog.text
