"""Identifiers in the one form they are compared in (R1 to R5)."""

from __future__ import annotations

import phonenumbers
import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from addressee.domain import (
    EmailInvalid,
    Identity,
    InvalidValue,
    LimitExceeded,
    PhoneInvalid,
    UserIdentityInvalid,
    check_names_somebody,
    check_possible,
    identifier_of,
    keyed_hash,
    limits,
)
from addressee.domain.audiences.expression import msisdn
from addressee.domain.person_identifiers import PLAIN_EMAIL, RESERVED


@given(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=256
    )
)
def test_R1_an_external_id_is_kept_to_the_letter(text: str) -> None:
    assert Identity(external_id=text).external_id == text


@pytest.mark.parametrize(("value", "given_size"), [("", 0), ("x" * 257, 257)])
def test_R1_an_external_id_has_1_to_256_characters(value: str, given_size: int) -> None:
    with pytest.raises(LimitExceeded) as refused:
        Identity(external_id=value)
    assert (refused.value.field, refused.value.limit, refused.value.given) == (
        "external_id", 256, given_size,
    )  # fmt: skip


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_R1_what_can_t_be_stored_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue):
        Identity(external_id=value)


@pytest.mark.parametrize(
    "written", ["385991111666", "+385 99 1111 666", "+385-99/1111.666", " (385) 991111666 "]
)
def test_R2_an_msisdn_is_kept_as_e164_digits(written: str) -> None:
    assert Identity(msisdns=[written]).msisdns == ("385991111666",)


@pytest.mark.parametrize(
    "written",
    ["_&*70318xxxxx3", "", "+", "12", "++385991111666", "385991111666x1", "tel:385991111666",
     "٣٨٥٩٩١١١١٦٦٦", "0385991111666", "9" * 51, "385991111666\n385991111667"],
)  # fmt: skip
def test_R2_what_is_no_possible_number_is_refused(written: str) -> None:
    with pytest.raises(PhoneInvalid) as refused:
        Identity(msisdns=["385991111666", written])
    assert refused.value.code == "PHONE_INVALID"
    assert refused.value.field == "msisdns[1]"


@pytest.mark.parametrize(
    "written",
    ["\u202d+385 99 111 1666\u202c", "\u200e385991111666", "+385\u00a099\u20111111666",
     "\uff0b\uff13\uff18\uff15\uff19\uff19\uff11\uff11\uff11\uff11\uff16\uff16\uff16",
     "+385 99 1111\u2013666",
     "\t385991111666", "385991111666\n", "+385\u2212991111666", "\uff08385\uff09 991111666"],
)  # fmt: skip
def test_R45_numbers_are_cleaned_of_what_keyboards_and_copying_add(written: str) -> None:
    assert Identity(msisdns=[written]).msisdns == ("385991111666",)


@pytest.mark.parametrize(
    ("written", "point"),
    [("\u066385991111666", "U+0663"), ("385991111666\ufe0d", "U+FE0D"),
     ("385991111666 ext. 5", "U+0065"), ("tel:385991111666", "U+0074"),
     ("385\n991111666", "U+000A"), ("385+991111666", "U+002B")],
)  # fmt: skip
def test_R45_a_character_that_no_number_has_is_named(written: str, point: str) -> None:
    with pytest.raises(PhoneInvalid, match=rf"msisdns\[0\] has the character U\+{point[2:]};"):
        Identity(msisdns=[written])


def test_R45_metadata_judges_only_what_is_claimed() -> None:
    """A number that is not possible today may have been stored when it was."""
    assert identifier_of("msisdn", "+225 07123456").value == "22507123456"
    assert str(msisdn("22507123456")) == "msisdn:22507123456"
    for number in ("22507123456", "999123456", "4912"):
        with pytest.raises(PhoneInvalid):
            check_possible(number, "msisdn")
    check_possible("385991111666", "msisdn")


def test_R45_a_number_that_is_possible_only_locally_is_no_msisdn() -> None:
    local = phonenumbers.parse("+16502530")
    assert phonenumbers.is_possible_number(phonenumbers.parse("+12530000"))
    assert local is not None
    with pytest.raises(PhoneInvalid, match="possible number"):
        check_possible("12530000", "msisdns[0]")


@pytest.mark.parametrize(
    "none",
    ["undefined", "None", "NIL", "nan", "[object Object]", "anonymous", "GUEST", " guest ",
     "00000000-0000-0000-0000-000000000000", " ", "\t", "\u200b", "\u00a0\u2003", "\ufeff",
     "\u3164", "\u2800", "\ufe0f", "\u00ad"],
)  # fmt: skip
def test_R44_ids_that_stand_for_nobody_are_refused(none: str) -> None:
    with pytest.raises(UserIdentityInvalid) as refused:
        check_names_somebody(none, limits.DEFAULT.none_ids)
    assert refused.value.field == "external_id"


@pytest.mark.parametrize("somebody", ["0", "false", "ali", "nanny", "guest-1", "x\u200b", "null"])
def test_R44_other_ids_stand_for_somebody(somebody: str) -> None:
    check_names_somebody(somebody, limits.DEFAULT.none_ids)


@pytest.mark.parametrize("kind", ["emails", "msisdns"])
def test_R57_contacts_are_counted_before_any_is_read(kind: str) -> None:
    for many in ([object()] * 101, (object() for _ in range(10**12))):
        with pytest.raises(LimitExceeded) as refused:
            Identity.model_validate({kind: many})
        assert (refused.value.field, refused.value.given) == (kind, 101)


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_R2_every_countrys_example_number_is_accepted(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is not None:
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert Identity(msisdns=[e164]).msisdns == (e164.removeprefix("+"),)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ali@X.com", "ali@x.com"),
        ("ALI+Tag@Example.ORG", "ali+tag@example.org"),
        ("ali@BÜCHER.example.com", "ali@xn--bcher-kva.example.com"),
        ("ali@shop.test", "ali@shop.test"),
    ],
)
def test_R3_an_email_is_lower_case_with_its_domain_in_idna_form(written: str, kept: str) -> None:
    assert Identity(emails=[written]).emails == (kept,)


@pytest.mark.parametrize(
    "written",
    ["", "ali", "@x.com", "ali@", "ali@x", "a b@x.com", "ali@x..com", "x" * 250 + "@x.com"],
)
def test_R3_a_malformed_email_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(EmailInvalid) as refused:
        Identity(emails=[written])
    assert refused.value.code == "EMAIL_INVALID"
    assert not written or written not in str(refused.value)


ASCII = st.characters(max_codepoint=127)
LABELS = st.from_regex(
    r"[A-Za-z0-9]{1,9}|xn--[a-z0-9]{1,4}|[a-z]{2}--[a-z]", fullmatch=True, alphabet=ASCII
)
ENDS = st.sampled_from(["com", "COM", "test", "LOCAL", "x", "c0m", "c1", "arpa", "xn--p1ai"])


@given(
    st.one_of(
        st.from_regex(PLAIN_EMAIL, fullmatch=True, alphabet=ASCII),
        st.builds(
            "{}{}{}@{}{}{}".format,
            *[LABELS, st.sampled_from([*"._+-", "..", ".-", "", "'"]), LABELS] * 2,
        ),
        st.builds(
            lambda local, name, end: f"{local}@{name}.{end}",
            st.from_regex(r"[a-zA-Z0-9._+-]{1,64}", fullmatch=True, alphabet=ASCII),
            st.from_regex(
                r"[a-zA-Z0-9-]{1,64}(\.[a-zA-Z0-9-]{1,9})?", fullmatch=True, alphabet=ASCII
            ),
            ENDS,
        ),
    )
)
def test_R3_a_plain_address_is_taken_as_the_library_takes_any(written: str) -> None:
    try:
        known = validate_email(written, check_deliverability=False, test_environment=True)
        expected = f"{known.local_part.lower()}@{known.ascii_domain.lower()}"
    except EmailNotValidError:
        with pytest.raises(EmailInvalid):
            identifier_of("email", written)
    else:
        assert identifier_of("email", written).value == expected


def test_R3_every_name_that_the_library_reserves_is_known_without_it() -> None:
    assert {name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES} <= RESERVED


def test_R4_at_most_a_hundred_of_each_and_each_once() -> None:
    emails = [f"a{n}@x.com" for n in range(101)]
    with pytest.raises(LimitExceeded) as refused:
        Identity(emails=emails)
    assert (refused.value.limit, refused.value.given) == (100, 101)
    assert Identity(emails=["a@x.com", "A@x.com", "b@x.com"]).emails == ("a@x.com", "b@x.com")


@pytest.mark.parametrize(
    "wrong", [{"phone": "1"}, {"emails": "a@x.com"}, {"external_id": 5}, {"msisdns": [5]}]
)
def test_R15_a_wrong_shape_is_a_typed_error(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        Identity.model_validate(wrong)


def test_R5_the_hash_of_an_identifier_depends_on_key_kind_and_value() -> None:
    hashes = {
        keyed_hash(key, *identifier_of(kind, value))
        for key in (b"k", b"l")
        for kind, value in (
            ("external_id", "385991111666"),
            ("msisdn", "385991111666"),
            ("external_id", "x"),
        )
    }
    assert len(hashes) == 6
    assert keyed_hash(b"k", "ab", "c") != keyed_hash(b"k", "a", "bc")
