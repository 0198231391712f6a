"""Expressions that are large, deep or made by strangers (R33, R57)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from addressee.domain import (
    And,
    Expression,
    ExpressionInvalid,
    LimitExceeded,
    Limits,
    Not,
    Or,
    Term,
    leaves,
    limits,
)
from addressee.domain.audiences import expression as a
from addressee.domain.audiences.parser import as_expression, parse


def test_R33_tens_of_thousands_of_terms_are_read(*, long: bool) -> None:
    many = 100_000 if long else 20_000
    wide = " or ".join(f"tag:t{n}" for n in range(many))
    expression = parse(wide)
    assert len(leaves(expression)) == many
    assert str(expression) == wide
    assert expression == Or(tuple(a.tag(f"t{n}") for n in range(many)))
    assert len({expression, parse(wide)}) == 1


def test_R57_terms_and_characters_are_counted_before_they_are_read() -> None:
    wide = " or ".join(["tag:x"] * (limits.TERMS + 1))
    for many in (wide, Or((a.everyone,) * (limits.TERMS + 1)), Not(And((a.tag("x"),) * 100_001))):
        with pytest.raises(LimitExceeded) as refused:
            as_expression(many)
        assert (refused.value.field, refused.value.limit) == ("expression", limits.TERMS)
        assert refused.value.given > limits.TERMS
    with pytest.raises(LimitExceeded) as refused:
        as_expression("(" * (limits.EXPRESSION + 1))
    assert refused.value.given == limits.EXPRESSION + 1
    with pytest.raises(ExpressionInvalid, match="term"):
        as_expression("(".rjust(limits.EXPRESSION))


@pytest.mark.parametrize(
    "sign", ["(", "not ", *(pytest.param(s, marks=pytest.mark.every_case) for s in ("!", "!("))]
)
def test_R57_brackets_and_nots_are_counted_as_they_are_read(sign: str) -> None:
    signs = sign * limits.EXPRESSION
    with pytest.raises(ExpressionInvalid, match=f"{limits.BRACKETS} opening brackets") as refused:
        as_expression(signs[: limits.EXPRESSION])
    each = len(sign) / len(sign.rstrip().replace("not", "!"))
    assert refused.value.column == 1 + limits.BRACKETS * each
    with pytest.raises(ExpressionInvalid, match="expected a term"):
        as_expression(signs[: int(limits.BRACKETS * each)])


def test_R57_an_expression_has_the_limits_that_it_is_given() -> None:
    most = Limits(expression=40, terms=3, levels=2)
    taken = "not (tag:a or not tag:b) or tag:c"
    for fits in ("tag:a or tag:b or tag:c", "tag:a and (tag:b or all)", "all".rjust(40)):
        assert as_expression(as_expression(fits, most), most) == parse(fits)
    for many in ("tag:a or tag:b or tag:c or all", parse("tag:a or tag:b or tag:c or all")):
        with pytest.raises(LimitExceeded, match="at most 3 terms"):
            as_expression(many, most)
    for deep in (taken, parse(taken)):
        with pytest.raises(ExpressionInvalid, match="deeper than 2 levels"):
            as_expression(deep, most)
    with pytest.raises(LimitExceeded) as refused:
        as_expression("all".rjust(41), most)
    assert (refused.value.limit, refused.value.given) == (40, 41)


@pytest.mark.parametrize(
    "odd",
    [And(()), Or([a.everyone]), Not("tag:x"), And((a.everyone, "x")), Term("tag", 5)],  # type: ignore[arg-type]
)
def test_R33_an_expression_made_of_something_else_is_refused(odd: Expression) -> None:
    with pytest.raises(ExpressionInvalid, match="made of terms"):
        as_expression(odd)


@pytest.mark.parametrize(
    ("opening", "closing", "means"),
    [
        ("not ", "", lambda _: ~a.everyone),
        ("(", ")", lambda _: a.everyone),
        ("not (", ")", lambda _: ~a.everyone),
        ("(tag:x or ", ")", lambda times: Or((*[a.tag("x")] * times, a.everyone))),
        ("(", " or tag:x)", lambda times: Or((a.everyone, *[a.tag("x")] * times))),
    ],
)
def test_R33_nesting_that_changes_nothing_is_no_level(
    opening: str, closing: str, means: Callable[[int], Expression], *, long: bool
) -> None:
    times = limits.BRACKETS - 1 if long else limits.BRACKETS // 10 - 1
    assert parse(opening * times + "all" + closing * times) == means(times)


def zigzag(levels: int) -> Expression:
    expression: Expression = a.tag("x")
    for n in range(levels):
        expression = expression & a.tag("y") if n % 2 else expression | a.tag("z")
    return expression


def inverted(levels: int) -> Expression:
    expression: Expression = a.tag("x")
    for n in range(levels):
        expression = ~expression if n % 2 else expression & a.tag("y")
    return expression


@pytest.mark.parametrize("build", [zigzag, inverted])
def test_R33_depth_has_a_limit_that_is_the_same_for_text_and_operators(
    build: Callable[[int], Expression], *, long: bool
) -> None:
    deepest = build(limits.DEPTH)
    assert as_expression(deepest) is deepest
    assert parse(str(deepest)) == deepest
    assert hash(parse(str(deepest))) == hash(deepest)
    for levels in (limits.DEPTH + 1, 100_000 if long else 10_000):
        deeper = build(levels)
        for asked in (deeper, str(deeper)):
            with pytest.raises(ExpressionInvalid, match=f"deeper than {limits.DEPTH} levels"):
                as_expression(asked)


def test_R33_text_that_is_too_deep_names_the_bracket_that_makes_it_so() -> None:
    text = "tag:a and " * 2 + "(" + str(zigzag(limits.DEPTH + 1)) + ")"
    with pytest.raises(ExpressionInvalid) as refused:
        parse(text)
    assert refused.value.column == 21


def test_R33_reading_does_not_depend_on_how_deep_the_host_is() -> None:
    text = str(zigzag(limits.DEPTH))

    def below(frames: int) -> str:
        return below(frames - 1) if frames else str(parse(text))

    assert below(sys.getrecursionlimit() // 2) == text


@pytest.mark.parametrize(
    "piece", ['"', "'", "\\", 'attr."', 'tag:"\\', "a.", "a", ":", "&", "tag:'x' or '", 'attr."\\"']
)
def test_R57_no_text_is_read_again_and_again(piece: str, *, long: bool) -> None:
    """A pattern that goes back over a text of this length would not come to its end."""
    with pytest.raises(ExpressionInvalid):
        parse((piece * 200_000)[: 1_000_000 if long else 200_000])
