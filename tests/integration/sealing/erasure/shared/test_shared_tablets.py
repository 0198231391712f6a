"""Whoever of several persons is erased: that person's data goes, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import History, verify
from addressee.domain import PersonErased
from tests.integration.sealing.erasure.conftest import Sealed

from .earlier_release import earlier_release
from .tablets import NAMING, Tablets, erased_as_planned

TABLETS, PEOPLE, ROUNDS = 2, 3, 5
FACTS = (*sorted(NAMING), "language", "push_token")
AT, WHO = st.integers(0, TABLETS - 1), st.integers(0, PEOPLE - 1)


def erased_by_earlier_release(tablets: Tablets, who: int) -> None:
    with earlier_release():
        tablets.erase(who, planned=False)


Step = tuple[Callable[..., None], *tuple[int | str, ...]]
COMMANDS = (
    st.tuples(st.just(Tablets.sign_in), AT, WHO),
    st.tuples(st.just(Tablets.sign_out), AT),
    st.tuples(st.just(Tablets.tell), AT, st.sampled_from(FACTS)),
    st.tuples(st.just(Tablets.take_back), AT, st.sampled_from(FACTS[:3])),
    st.tuples(st.just(Tablets.mark), AT),
)
ERASE = st.tuples(st.just(Tablets.erase), WHO)
ERASE_EARLIER = st.tuples(st.just(erased_by_earlier_release), WHO)


LEFT_BEHIND: list[Step] = [
    (Tablets.sign_in, 0, 0),
    (Tablets.tell, 0, "device_name"),
    (Tablets.tell, 0, "application_user_id"),
    (Tablets.sign_in, 0, 1),
    (Tablets.sign_in, 0, 2),
    (Tablets.erase, 1),
    (Tablets.erase, 0),
]
"""The first one's name is on the tablet when the second one is erased."""
CHAINED: list[Step] = [
    (Tablets.sign_in, 0, 0),
    (Tablets.sign_out, 0),
    (Tablets.sign_in, 0, 1),
    (erased_by_earlier_release, 1),
    (Tablets.tell, 0, "device_name"),
    (erased_by_earlier_release, 0),
    (Tablets.sign_in, 0, 2),
    (erased_by_earlier_release, 2),
    (Tablets.sign_in, 0, 0),
    (Tablets.tell, 0, "device_name"),
    (erased_by_earlier_release, 0),
]
"""One restatement repeats what another one has repeated, which is lost first."""

REPEATED_WITHIN: list[Step] = [
    (Tablets.sign_in, 0, 1),
    (Tablets.sign_out, 0),
    (Tablets.tell, 0, "application_user_id"),
    (Tablets.sign_in, 0, 0),
    (erased_by_earlier_release, 1),
    (Tablets.sign_in, 0, 2),
    (Tablets.sign_out, 0),
    (erased_by_earlier_release, 2),
]
"""A restatement repeats what nobody told, past one that is lost with the first one's events."""


def lives(*steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.one_of(*COMMANDS, *steps), min_size=15, max_size=40)


def test_R50_whoever_is_erased_nobody_elses_data_is_lost_or_shown(
    any_store: Sealed, *, long: bool
) -> None:
    @settings(max_examples=150 if long else ROUNDS)
    @example(steps=LEFT_BEHIND)
    @given(lives(ERASE))
    def lived(steps: Sequence[Step]) -> None:
        tablets = Tablets(any_store, TABLETS, PEOPLE)
        for step, *arguments in steps:
            step(tablets, *arguments)
        tablets.is_right()
        for who in [*tablets.persons]:
            tablets.erase(who)
            tablets.is_right()

    lived()
    if isinstance(any_store, SqlStore):
        Rebuild(any_store).run()
        assert verify(any_store).differences == ()


def test_R50_what_an_earlier_release_has_copied_goes_with_the_next_erasure(
    any_store: Sealed, *, long: bool
) -> None:
    @settings(max_examples=150 if long else ROUNDS)
    @example(steps=CHAINED)
    @example(steps=REPEATED_WITHIN)
    @given(lives(ERASE, ERASE_EARLIER))
    def lived(steps: Sequence[Step]) -> None:
        tablets = Tablets(any_store, TABLETS, PEOPLE)
        for step, *arguments in steps:
            step(tablets, *arguments)
        tablets.erase_again()
        tablets.is_right(exact=False)
        for who in [*tablets.persons]:
            tablets.erase(who)
            tablets.is_right(exact=False)
        assert verify(any_store).differences == ()

    lived()


def test_R50_a_name_that_an_earlier_release_has_copied_twice_goes_and_the_holder_stays(
    any_store: Sealed,
) -> None:
    tablets = Tablets(any_store, 1, 4)
    ali, cem, dan, bea = range(4)
    tablets.sign_in(0, ali)
    for fact in sorted(NAMING):
        tablets.tell(0, fact)
    for who in (cem, dan, bea):
        tablets.sign_in(0, who)
    tablets.mark(0)
    for who in (cem, dan, ali):
        erased_by_earlier_release(tablets, who)
    with pytest.raises(AssertionError, match="what is erased"):
        tablets.is_right(exact=False)
    person = tablets.erased[-1]
    erased_as_planned(tablets.rights, person)
    tablets.is_right(exact=False)
    assert verify(any_store).differences == ()
    assert not any_store.unreadable(), "the ledger has the keys"
    again = [event for _, event in History(any_store).person(person)
             if isinstance(event, PersonErased)]  # fmt: skip
    assert {*again[0].keys} < {*again[-1].keys}
