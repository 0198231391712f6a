"""The audience language (R33)."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.domain import And, Expression, ExpressionInvalid, InvalidValue, Not, Or, Term, leaves
from addressee.domain import audience as a
from addressee.domain.audience_text import DEPTH_LIMIT, as_expression, parse

VALUES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
TERMS: st.SearchStrategy[Expression] = st.one_of(
    st.builds(a.tag, VALUES),
    st.builds(a.itag, VALUES),
    st.builds(a.os, VALUES),
    st.builds(a.attr, VALUES, VALUES),
    st.builds(a.external_id, VALUES),
    st.just(a.primary),
    st.just(a.everyone),
    st.just(a.msisdn("+385991111666")),
    st.just(a.email("Ali@X.com")),
)
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(lambda x, y: x & y, inner, inner),
        st.builds(lambda x, y: x | y, inner, inner),
        st.builds(lambda x: ~x, inner),
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(EXPRESSIONS)
def test_R33_the_text_of_an_expression_reads_back_to_it(expression: Expression) -> None:
    assert parse(str(expression)) == expression


@pytest.mark.parametrize(
    ("text", "built"),
    [
        ("tag:vip and not os:ios and primary", a.tag("vip") & ~a.os("ios") & a.primary),
        ("tag:a or tag:b and tag:c", a.tag("a") | (a.tag("b") & a.tag("c"))),
        ("(tag:a || tag:b)&&!tag:c", (a.tag("a") | a.tag("b")) & ~a.tag("c")),
        ("NOT NOT tag:a", a.tag("a")),
        ("not not not tag:a", ~a.tag("a")),
        ('external_id:"ali"', a.external_id("ali")),
        ("external_id:'a b'", a.external_id("a b")),
        ('tag:"a \\"b\\" \\\\"', a.tag('a "b" \\')),
        ("msisdn:385991111666", a.msisdn("+385 99 1111 666")),
        ("email:ALI+x@x.com", a.email("ali+x@x.com")),
        ("app_version:1.2.3 and language:EN", a.app_version("1.2.3") & a.language("en")),
        ("type:Customer", a.person_type("customer")),
        ("attr.plan:gold", a.attr("plan", "gold")),
        ('attr."fav colour":red', a.attr("fav colour", "red")),
        ("tag: vip", a.tag("vip")),
        ('tag:"and"', a.tag("and")),
        ("tag:a:b", a.tag("a:b")),
        ("installation:d-1", a.installation("d-1")),
        ("all", a.everyone),
    ],
)
def test_R33_text_and_python_operators_are_identical(text: str, built: Expression) -> None:
    assert parse(text) == built
    assert as_expression(built) is built
    assert as_expression(text) == built


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("tag:", 5, "value"),
        ("tag:a and", 10, "expected a term"),
        ("and tag:a", 1, "expected a term"),
        ("tag:a tag:b", 7, "expected and"),
        ("(tag:a", 7, r"expected \) for the bracket of column 1"),
        ("tag:a)", 6, "no bracket is open"),
        ("tag:a and (", 12, "expected a term"),
        ('tag:"a', 5, "value"),
        ("tagg:a", 1, "unknown"),
        ("tag:a or typo", 10, "field:value"),
        ("type:boss", 1, "lead or customer"),
        ("tag:a and email:broken", 11, "email"),
        ("msisdn:12", 1, "msisdn"),
        ("tag:a & tag:b", 7, "expected"),
        ("tag:a and %", 11, "expected"),
    ],
)
def test_R33_a_syntax_error_names_its_column(text: str, column: int, says: str) -> None:
    with pytest.raises(ExpressionInvalid, match=says) as refused:
        parse(text)
    assert refused.value.column == column


def test_R33_errors_do_not_repeat_what_was_given() -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parse("email:ali.private")
    assert "private" not in str(refused.value)


def truth(expression: Expression, world: dict[str, bool]) -> bool:
    match expression:
        case Term():
            return world[expression.value]
        case And(parts):
            return all(truth(part, world) for part in parts)
        case Or(parts):
            return any(truth(part, world) for part in parts)
        case Not(part):
            return not truth(part, world)
        case _:
            raise AssertionError


@pytest.mark.parametrize(
    "text",
    [
        "a or b and c",
        "not a and b or c",
        "not (a or b) and c",
        "a and not b and (c or not a)",
        "not not a or b",
    ],
)
def test_R33_operators_bind_as_pythons_do(text: str) -> None:
    expression = parse(
        " ".join(
            f"tag:{w}" if w in "abc" else w
            for w in text.replace("(", "( ").replace(")", " )").split()
        )
    )
    for values in product([True, False], repeat=3):
        world = dict(zip("abc", values, strict=True))
        assert truth(expression, world) == eval(text, {}, world)  # noqa: S307 # our own text


def test_R33_there_is_no_limit_on_terms() -> None:
    wide = " or ".join(f"tag:t{n}" for n in range(50_000))
    expression = parse(wide)
    assert len(leaves(expression)) == 50_000
    assert str(expression) == wide


def test_R33_depth_has_a_limit_that_is_named() -> None:
    parse("(" * DEPTH_LIMIT + "all" + ")" * DEPTH_LIMIT)
    parse("not " * 100_001 + "all")
    with pytest.raises(ExpressionInvalid, match=str(DEPTH_LIMIT)):
        parse("(" * (DEPTH_LIMIT + 1) + "all" + ")" * (DEPTH_LIMIT + 1))


@pytest.mark.parametrize("wrong", ["", "x" * 257])
def test_R33_constructors_check_as_text_does(wrong: str) -> None:
    with pytest.raises(InvalidValue):
        a.tag(wrong)
    with pytest.raises(InvalidValue):
        a.term("tagg", "x")


def test_R33_a_colon_in_a_name_is_no_colon_before_a_value() -> None:
    keys = {a.attr("n", "a:b").key, a.attr("n:a", "b").key, a.attr("n\\:a", "b").key}
    assert len(keys) == 3
