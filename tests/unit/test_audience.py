"""The audience language (R33)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.domain import (
    And,
    Expression,
    ExpressionInvalid,
    InvalidValue,
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


@settings(max_examples=500, deadline=None)
@given(SPOKEN, WORLDS)
def test_R33_operators_bind_as_pythons_do(spoken: str, world: dict[str, bool]) -> None:
    read = parse(" ".join(f"tag:{w}" if w in world else w for w in spoken.split()))
    assert truth(read, world) == eval(spoken, {}, world)  # noqa: S307 # our own text
    assert parse(str(read)) == read


def test_R33_a_hundred_thousand_terms_are_read() -> None:
    wide = " or ".join(f"tag:t{n}" for n in range(100_000))
    expression = parse(wide)
    assert len(leaves(expression)) == 100_000
    assert str(expression) == wide
    assert expression == Or(tuple(a.tag(f"t{n}") for n in range(100_000)))
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


@pytest.mark.parametrize("sign", ["(", "!", "not ", "!("])
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


@pytest.mark.parametrize(
    ("opening", "closing", "means"),
    [
        ("not ", "", ~a.everyone),
        ("(", ")", a.everyone),
        ("not (", ")", ~a.everyone),
        ("(tag:x or ", ")", Or((*[a.tag("x")] * 49_999, a.everyone))),
        ("(", " or tag:x)", Or((a.everyone, *[a.tag("x")] * 49_999))),
    ],
)
def test_R33_nesting_that_changes_nothing_is_no_level(
    opening: str, closing: str, means: Expression
) -> None:
    assert parse(opening * 49_999 + "all" + closing * 49_999) == means


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
    build: Callable[[int], Expression],
) -> None:
    deepest = build(limits.DEPTH)
    assert as_expression(deepest) is deepest
    assert parse(str(deepest)) == deepest
    assert hash(parse(str(deepest))) == hash(deepest)
    for levels in (limits.DEPTH + 1, 100_000):
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
