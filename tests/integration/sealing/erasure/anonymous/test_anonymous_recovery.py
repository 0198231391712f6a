"""An erasure of a device that is interrupted, or that a backup has forgotten, is repeated (R51)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Identity,
    Personalization,
    Rights,
    Targeting,
    export_ledger,
    forgotten_erasures,
    forgotten_installations,
    import_ledger,
    interrupted_erasures,
    interrupted_installations,
    verify,
)
from addressee.application.rights.installations.erasure_commands import RecordInstallationErasure
from addressee.domain import StoreUnavailable
from tests.command_line import run
from tests.contract.ledger.test_past_states import compacting
from tests.integration.sealing.conftest import WRAPPING
from tests.integration.sealing.erasure.anonymous.conftest import SHOP, Devices
from tests.integration.sealing.erasure.interruptions import Steps, Stopped, counting
from tests.integration.sealing.erasure.shared.earlier_release import earlier_release
from tests.integration.sealing.erasure.test_erased_past import remembered

__all__ = ["compacting"]

LEAST = 15
"""An erasure has more steps than that; fewer would mean that they are not counted."""


@contextmanager
def opened(folder: Path, ledger: str = "ledger") -> Generator[Devices]:
    with (
        SqlKeyStore(f"sqlite:///{folder}/keys.db", wrapping_key=WRAPPING) as keys,
        SqlStore(f"sqlite:///{folder}/{ledger}.db", keys=keys) as store,
    ):
        store.applications.put(SHOP)
        yield Devices(store)


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Devices]:
    with opened(tmp_path) as found:
        yield found


def copied(folder: Path, name: str, to: str) -> None:
    for suffix in ("", "-wal"):
        file = folder / f"{name}.db{suffix}"
        if file.exists():
            shutil.copy(file, folder / f"{to}.db{suffix}")


def test_R51_an_erasure_that_fails_at_any_step_goes_on(devices: Devices, *, long: bool) -> None:
    store = devices.store
    devices.expired("first")
    with counting(steps := Steps(0)):
        right = Rights(store).erase_installation("first")
    assert steps.done > LEAST
    for at in count(1, 1 if long else 5):
        name = devices.expired(f"phone{at}")
        with suppress(Stopped), counting(steps := Steps(at)):
            Rights(store).erase_installation(name)
        done = Rights(store).erase_installation(name)
        assert (done.done, done.events) == (True, right.events)
        assert f"of-{name}" not in devices.told(name)
        if steps.done < at:
            break
    assert verify(store).differences == ()
    assert interrupted_installations(store) == ()


@pytest.mark.parametrize("times", [True, False], ids=["the same times", "no times any more"])
def test_R51_R54_the_next_run_finishes_what_one_before_has_begun(
    life: Devices, monkeypatch: pytest.MonkeyPatch, *, times: bool
) -> None:
    store = life.store
    life.expired("phone")
    life.clock.move(days=30)
    run_command = life.people.run

    def fails(command: Any, context: Any) -> Any:  # noqa: ANN401 # any command
        if isinstance(command, RecordInstallationErasure):
            raise StoreUnavailable("the power went")
        return run_command(command, context)

    with monkeypatch.context() as broken:
        broken.setattr(life.people, "run", fails)
        with pytest.raises(StoreUnavailable):
            life.rights.erase_inactive()
    assert interrupted_installations(store) == ("phone",)
    assert interrupted_erasures(store) == ()
    [difference] = verify(store).differences
    assert (difference.place, difference.name) == ("installation", "phone")
    assert "begun" in difference.problem
    assert forgotten_installations(store) == ()
    if not times:
        store.applications.put(SHOP.model_copy(update={"erase_anonymous_after": None}))
    assert life.erased() == ["phone"]
    assert interrupted_installations(store) == ()
    assert verify(store).differences == ()


@pytest.mark.parametrize("before", ["expiry", "erasure"])
def test_R51_a_ledger_that_was_restored_is_told_what_was_erased(
    tmp_path: Path, devices: Devices, before: str
) -> None:
    devices.anonymous("gone")
    devices.anonymous("stays")
    if before == "expiry":
        copied(tmp_path, "ledger", "restored")
    devices.people.expire("gone", "inactive")
    if before == "erasure":
        copied(tmp_path, "ledger", "restored")
    assert devices.erased(days=30) == ["gone"]
    assert forgotten_installations(devices.store) == ()
    with opened(tmp_path, "restored") as restored:
        store = restored.store
        for _ in range(2):
            assert forgotten_installations(store) == ("gone",)
        assert forgotten_erasures(store) == ()
        [found] = [each for each in verify(store).differences if each.place == "installation"
                   and "no erasure is recorded" in each.problem]  # fmt: skip
        assert found.name == "gone"
    words = ("erase", "--restored", "--store", f"sqlite:///{tmp_path}/restored.db")
    (tmp_path / "wrapping.key").write_text(WRAPPING.hex())
    environment = {
        "ADDRESSEE_KEYS": f"sqlite:///{tmp_path}/keys.db",
        "ADDRESSEE_WRAPPING_KEY": str(tmp_path / "wrapping.key"),
    }
    (tmp_path / "sinks.toml").write_text('[bus]\nkind = "file"\npath = "facts.jsonl"\n')
    sends = ("relay", "bus", "--sinks", "sinks.toml", "--once", *words[2:])
    refused = run(*sends, folder=tmp_path, environment=environment)
    assert "ERASURE_FORGOTTEN" in refused.stderr
    assert "0 persons and 1 installations" in refused.stderr
    dry = run(*words, "--dry-run", folder=tmp_path, environment=environment)
    assert json.loads(dry.stdout)["done"] is False
    done = run(*words, folder=tmp_path, environment=environment)
    assert json.loads(done.stdout)["installation"] == "gone"
    assert "0 persons and 1 installations erased again" in done.stderr
    with opened(tmp_path, "restored") as restored:
        assert forgotten_installations(restored.store) == ()
        assert verify(restored.store).differences == ()
        reach = Targeting(restored.store)
        assert [*reach.targets("shop", "all")] == ["stays"]


def test_R51_a_device_whose_first_person_is_erased_is_found_in_a_ledger_from_before(
    tmp_path: Path, devices: Devices
) -> None:
    devices.anonymous("phone")
    copied(tmp_path, "ledger", "restored")
    person = devices.people.personalize("phone", Identity("ali")).person
    devices.rights.erase(person)
    with opened(tmp_path, "restored") as restored:
        assert forgotten_installations(restored.store) == ("phone",)
        assert forgotten_erasures(restored.store) == ()
        assert isinstance(restored.store, SqlStore)
        Rebuild(restored.store).run()
        assert restored.rights.erase_installation("phone").done
        assert verify(restored.store).differences == ()


def test_R51_what_persons_took_of_a_device_is_no_forgotten_erasure(
    tmp_path: Path, devices: Devices
) -> None:
    one, two = devices.shared("tablet")
    copied(tmp_path, "ledger", "restored")
    devices.rights.erase(one)
    devices.rights.erase(two)
    with opened(tmp_path, "restored") as restored:
        assert {*forgotten_erasures(restored.store)} == {one, two}
        assert forgotten_installations(restored.store) == ()


def test_R51_a_copy_that_a_person_took_along_is_no_forgotten_erasure(
    tmp_path: Path, devices: Devices
) -> None:
    people = devices.people
    people.register("shop", installation="tablet")
    persons: list[str] = []
    for name in ("one", "two", "three"):
        persons.append(people.personalize("tablet", Identity(name)).person)
        people.update_installation("tablet", device_name=f"told-by-{name}")
        people.depersonalize("tablet")
        if name == "two":
            with earlier_release():
                devices.rights.erase(persons[0])  # and nobody has the copy of what the other told
    assert "told-by-two" in devices.told("tablet")
    devices.rights.erase(persons[1])
    assert "told-by-two" not in devices.told("tablet")
    copied(tmp_path, "ledger", "restored")
    devices.rights.erase(persons[2])
    with opened(tmp_path, "restored") as restored:
        assert forgotten_erasures(restored.store) == (persons[2],)
        assert forgotten_installations(restored.store) == ()


def test_R51_keys_that_a_backup_brings_back_are_destroyed_again(
    tmp_path: Path, devices: Devices
) -> None:
    devices.expired("gone")
    copied(tmp_path, "keys", "kept")
    assert devices.erased(days=30) == ["gone"]
    assert isinstance(devices.store.keys, SqlKeyStore)
    devices.store.keys.database.engine.dispose()
    for file in tmp_path.glob("keys.db*"):
        file.unlink()
    copied(tmp_path, "kept", "keys")
    with opened(tmp_path) as again:
        assert "of-gone" not in again.told("gone")
        assert verify(again.store).differences == ()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_R51_a_store_with_the_same_keys_is_told(
    tmp_path: Path, devices: Devices, kind: str
) -> None:
    devices.expired("gone")
    export_ledger(devices.store, partial(opened_sink, tmp_path / "one.jsonl"), with_key=True)
    keys = devices.store.keys
    with SqlStore(f"sqlite:///{tmp_path}/other.db", keys=keys) as database:
        other = database if kind == "sqlite" else MemoryStore(keys=keys)
        with opened_source(tmp_path / "one.jsonl") as source:
            import_ledger(other, source)
        assert forgotten_installations(other) == ()
        assert devices.erased(days=30) == ["gone"]
        assert forgotten_installations(other) == ("gone",)
        assert Rights(other).erase_installation("gone").done
        assert forgotten_installations(other) == ()
        assert not other.unreadable()
        assert verify(other).differences == ()


@pytest.mark.usefixtures("compacting")
def test_R50_states_of_the_index_forget_the_device(devices: Devices) -> None:
    store = devices.store
    assert isinstance(store, SqlStore)
    people = Personalization(store)
    devices.anonymous("gone")
    for n in range(40):
        people.tag_installation("gone", add={f"tag{n}"})
        people.register("shop", installation=f"other{n}")
    at = store.settled()
    reach = Targeting(store)
    assert reach.as_of(at).count("shop", "itag:tag1") == 1
    assert store.compact()
    Rights(store).erase_installation("gone")
    with store.reading() as view:
        ordinals = BitMap(view.ordinals(None, {"gone"}).values())
    kept, forgotten = remembered(store)
    assert ordinals
    assert ordinals <= forgotten
    assert not kept
    assert reach.as_of(at).count("shop", "itag:tag1") == 0
    assert reach.as_of(at).count("shop", "all") == 41
    assert verify(store).differences == ()


def test_R51_the_command_line_erases_one_device(tmp_path: Path, devices: Devices) -> None:
    devices.expired("gone")
    (tmp_path / "wrapping.key").write_text(WRAPPING.hex())
    environment = {
        "ADDRESSEE_KEYS": f"sqlite:///{tmp_path}/keys.db",
        "ADDRESSEE_WRAPPING_KEY": str(tmp_path / "wrapping.key"),
    }
    at = ("--store", f"sqlite:///{tmp_path}/ledger.db")
    for words, done in ((("--dry-run",), False), ((), True), (("--interrupted",), None)):
        named = () if done is None else ("--installation", "gone")
        told = run("erase", *named, *words, *at, folder=tmp_path, environment=environment)
        assert told.returncode == 0, told.stderr
        assert (json.loads(told.stdout)["done"] if told.stdout else None) is done
    both = run("erase", "--installation", "gone", "--person", "ali", *at, folder=tmp_path,
               environment=environment)  # fmt: skip
    assert both.returncode
