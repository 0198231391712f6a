"""The audience language (R33)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.domain import (
    And,
    Expression,
    ExpressionInvalid,
    InvalidValue,
    Not,
    Or,
    Term,
)
from addressee.domain.audiences import expression as a
from addressee.domain.audiences.parser import as_expression, parse

VALUES = st.text(
    st.one_of(
        st.sampled_from(" :.()\"'!&|\\aornt"),  # what the grammar could stumble over
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    min_size=1,
    max_size=20,
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


@settings(max_examples=5 * settings().max_examples)
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
        ('attr."a:b":c', a.attr("a:b", "c")),
        ("tag: vip", a.tag("vip")),
        ('tag:"and"', a.tag("and")),
        ("tag:a:b", a.tag("a:b")),
        ("installation:d-1", a.installation("d-1")),
        ("all", a.everyone),
        ("email:o'brien@x.com", a.email("o'brien@x.com")),
        ('tag:5"', a.tag('5"')),
        ("TAG:Vip AND (Primary)", a.tag("Vip") & a.primary),
        ("((tag:a or tag:b) or (tag:c))", a.tag("a") | a.tag("b") | a.tag("c")),
        ("not (tag:a or tag:b)", ~(a.tag("a") | a.tag("b"))),
        ("not (not (tag:a and tag:b)) and tag:c", a.tag("a") & a.tag("b") & a.tag("c")),
    ],
)
def test_R33_text_and_python_operators_are_identical(text: str, built: Expression) -> None:
    assert parse(text) == built
    assert as_expression(built) is built
    assert as_expression(text) == built
    assert parse(str(built)) == built


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("tag:", 5, "value"),
        ("tag:a and", 10, "expected a term"),
        ("and tag:a", 1, "expected a term"),
        ("tag:a tag:b", 7, "expected and"),
        ("(tag:a", 7, r"expected and, or, \) for the bracket of column 1"),
        ("tag:a and (tag:b tag:c)", 18, r"expected and, or, \) for the bracket of column 11"),
        ("tag:a !tag:b", 7, "expected and"),
        ("tag:a && && tag:b", 10, "expected a term"),
        ("()", 2, "expected a term"),
        ("not", 4, "expected a term"),
        ("tag:a)", 6, "no bracket is open"),
        ("tag:a and (", 12, "expected a term"),
        ('tag:"a', 5, "quote is not closed"),
        ("tag:a or tag:'b", 14, "quote is not closed"),
        ('tag:"a\\"', 5, "quote is not closed"),
        ('attr."fav:red', 6, "closed quote"),
        ('tag:""', 1, "tag takes 1 to 256 characters"),
        ("and tag:a or tagg:b", 1, "expected a term"),
        ("tagg:a", 1, "unknown; there are external_id.* tag,"),
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


SPOKEN = st.recursive(
    st.sampled_from("abc"),
    lambda inner: st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("( {} )".format, inner),
        st.builds("not {}".format, inner),
    ),
    max_leaves=12,
)

WORLDS = st.fixed_dictionaries({name: st.booleans() for name in "abc"})


@settings(max_examples=5 * settings().max_examples)
@given(SPOKEN, WORLDS)
def test_R33_operators_bind_as_pythons_do(spoken: str, world: dict[str, bool]) -> None:
    read = parse(" ".join(f"tag:{w}" if w in world else w for w in spoken.split()))
    assert truth(read, world) == eval(spoken, {}, world)  # noqa: S307 # our own text
    assert parse(str(read)) == read


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (r'external_id:"\u200b"', 14),
        (r'tag:a or external_id:"DOM\ali"', 26),
        (r"""attr."a\n":x""", 8),
        (r'tag:"\\\n"', 8),
    ],
)
def test_R33_an_unknown_escape_is_a_syntax_error_that_names_its_column(
    text: str, column: int
) -> None:
    with pytest.raises(ExpressionInvalid, match="backslash") as refused:
        parse(text)
    assert refused.value.column == column


def test_R33_a_bare_value_keeps_its_backslash() -> None:
    assert parse(r"external_id:DOM\ali") == a.external_id(r"DOM\ali")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a.tag("cafe\u0301"), a.tag("caf\xe9")),
        (a.itag("\u1112\u1161\u11ab"), a.itag("\ud55c")),
        (a.segment("e\u0301"), a.segment("\xe9")),
        (a.attr("plan", "e\u0301"), a.attr("plan", "\xe9")),
        (a.iattr("plan", "e\u0301"), a.iattr("plan", "\xe9")),
        (a.device_model("E\u0301"), a.device_model("\xe9")),
    ],
)
def test_R45_terms_compare_in_nfc(one: Term, other: Term) -> None:
    assert (one, one.key) == (other, other.key)
    assert parse(str(one)) == parse(f'{one.field}:"{one.value}"') == other


def test_R45_external_ids_and_installations_compare_exactly() -> None:
    for field in (a.external_id, a.installation):
        assert field("e\u0301") != field("\xe9")


def test_R33_operators_take_expressions_only() -> None:
    for joined in (lambda: a.tag("x") & "tag:y", lambda: a.tag("x") | "tag:y"):  # type: ignore[operator] # pyright: ignore[reportOperatorIssue]
        with pytest.raises(TypeError):
            joined()


@pytest.mark.parametrize("wrong", ["", "x" * 257])
def test_R33_constructors_check_as_text_does(wrong: str) -> None:
    with pytest.raises(InvalidValue):
        a.tag(wrong)
    with pytest.raises(InvalidValue):
        a.term("tagg", "x")
    with pytest.raises(InvalidValue):
        a.person_type(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_R33_a_colon_in_a_name_is_no_colon_before_a_value() -> None:
    keys = {a.attr("n", "a:b").key, a.attr("n:a", "b").key, a.attr("n\\:a", "b").key}
    assert len(keys) == 3
