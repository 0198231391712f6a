"""No call takes an argument that nothing reads, such as a misspelt one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Identity, Personalization, Rights, bulk, together
from addressee.domain import InvalidValue

VALUES = {
    "identity": Identity("ali"),
    "expression": "all",
    "reason": "unregistered",
    "since": "2026-11-26T00:00:00Z",
}
"""Name of a parameter → a value that it takes, where that is no plain text."""


def commands() -> dict[str, dict[str, Any]]:
    """Return each command of `Personalization` → the arguments that it needs."""
    found: dict[str, dict[str, Any]] = {}
    for name, method in inspect.getmembers(Personalization, inspect.isfunction):
        _, *parameters = inspect.signature(method).parameters.values()
        if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
            needed = (p.name for p in parameters if p.default is p.empty and p.kind < p.VAR_KEYWORD)
            found[name] = {each: VALUES.get(each, "phone") for each in needed}
    return found


def test_every_command_refuses_an_unknown_argument_and_names_it() -> None:
    store = MemoryStore()
    people = Personalization(store)
    people.register("shop", installation="phone")
    known, last = commands(), store.last()
    assert {"personalize", "unmerge", "preview_merge", "register", "touch"} <= known.keys()
    for name, arguments in known.items():
        with pytest.raises(InvalidValue, match=r"tagz is no (argument|fact)"):
            getattr(people, name)(**arguments, tagz={"x"})
        with pytest.raises(InvalidValue, match=r"tagz is no (argument|fact)"):
            getattr(people, name)(**arguments, actor="backend", tagz=None)
    assert store.last() == last, "nothing is recorded"


def test_no_call_among_several_takes_an_unknown_argument() -> None:
    people = Personalization(MemoryStore())
    good: Callable[[Personalization], Any] = lambda p: p.register("shop", installation="phone")  # noqa: E731
    bad: Callable[[Personalization], Any] = lambda p: p.personalize(  # noqa: E731
        "phone",
        Identity("ali"),
        tagz={"x"},  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] # it is wrong on purpose
    )
    _, refused = bulk(people, [good, bad])
    assert isinstance(refused, InvalidValue)
    with pytest.raises(InvalidValue, match="tagz"):
        together([good, bad])(people)


def test_an_export_refuses_an_unknown_option() -> None:
    store = MemoryStore()
    with pytest.raises(InvalidValue, match="adresses is no argument"):
        Rights(store).of("ali", adresses=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] # it is wrong on purpose
