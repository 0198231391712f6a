"""What waits to be sent to a person when the person is erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.application import Message, Notifier, Retry, Rights
from tests.integration.sealing.conftest import VALUES, found_in, live

AUDIENCE = f"email:{VALUES['email']}"


class Clock:
    """A clock that a test moves."""

    now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_R50_what_is_queued_for_an_erased_person_is_dropped(store: SqlStore) -> None:
    person, phone = live(store)
    message, push, clock = Message(title=VALUES["title"]), RecordingPush(), Clock()
    notifier = Notifier(store, {"fcm": push}, clock=clock, sleep=clock.sleep)
    queued = [notifier.dispatch("shop", AUDIENCE, message) for _ in range(2)]
    named = notifier.dispatch("shop", f'tag:"{VALUES["tag"]}"', message)
    everybody = notifier.dispatch("shop", "all", Message(title="Hello"))
    notifier.pause(queued[1].id)
    Rights(store).erase(person)
    notifier.resume(queued[1].id)
    for each in (*queued, named):
        done = notifier.run(each.id)
        assert (done.state, done.recipients) == ("done", 0)
    assert push.sent == []
    notifier.run(everybody.id)
    [sent] = push.sent
    assert (sent.recipient.installation, sent.recipient.person) == (phone, None)


def test_R50_what_is_scheduled_is_sealed_and_not_sent_to_an_erased_person(
    store: SqlStore, tmp_path: Path
) -> None:
    person, phone = live(store)
    push, clock = RecordingPush(), Clock()
    notifier = Notifier(store, {"fcm": push}, clock=clock, sleep=clock.sleep)
    at = clock() + timedelta(days=1)
    message = Message(title=VALUES["title"])
    named = notifier.dispatch("shop", AUDIENCE, message, starts_at=at)
    everybody = notifier.dispatch("shop", "all", Message(title="Hello"), starts_at=at)
    file = b"".join(each.read_bytes() for each in tmp_path.glob("ledger.db*"))
    assert named.id.encode() in file
    assert not {"title", "email"} & {*found_in(file)}
    Rights(store).erase(person)
    clock.now = at
    assert {*notifier.running()} == {named.id, everybody.id}
    assert [notifier.run(each.id).recipients for each in (named, everybody)] == [0, 1]
    [sent] = push.sent
    assert (sent.recipient.installation, sent.recipient.person) == (phone, None)
    assert notifier.forget(clock(), dry_run=True) == 1, "the other one has left a moment ago"
    assert notifier.forget(at + timedelta(days=1)) == 2


def test_R50_what_is_to_be_sent_again_to_an_erased_person_is_dropped(store: SqlStore) -> None:
    person, _ = live(store)
    clock = Clock()
    erased: list[str] = []

    def busy(_: object) -> Retry:
        assert not erased, "it is not tried again"
        erased.append(person)
        return Retry("busy")

    def sleep(seconds: float) -> None:
        if not Rights(store).erase(person, dry_run=True).done:
            Rights(store).erase(person)
        clock.sleep(seconds)

    notifier = Notifier(store, {"fcm": RecordingPush(busy)}, clock=clock, sleep=sleep)
    made = notifier.dispatch("shop", AUDIENCE, Message(title=VALUES["title"]))
    done = notifier.run(made.id)
    assert erased == [person]
    assert (done.state, done.accepted, done.not_sent) == ("done", 0, 1)


def test_R50_forgotten_pushes_leave_no_text_in_the_file_of_a_store_in_clear(tmp_path: Path) -> None:
    file = tmp_path / "clear.db"
    with SqlStore(f"sqlite:///{file}") as store:
        live(store)
        notifier = Notifier(store, {"fcm": RecordingPush()})
        made = notifier.dispatch("shop", AUDIENCE, Message(title=VALUES["title"], body="x" * 4_000))
        notifier.run(made.id)
    assert "title" in found_in(file.read_bytes())
    with SqlStore(f"sqlite:///{file}") as store:
        assert Notifier(store, {}).forget(datetime.now(UTC) + timedelta(days=1)) == 1
    assert "title" not in found_in(file.read_bytes())
