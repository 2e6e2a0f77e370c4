"""Numbers: what is accepted, what is refused and how, and that the short cut never differs from the library."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, ValidationResult

from gatepost.sms import msisdn
from gatepost.sms.msisdn import InvalidNumber, calling_code, country_of, format_number, mask, national, parse

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
digit_strings = st.text("0123456789", max_size=17)


def read_by_the_library(text: str, country: str | None) -> str | None:
    """The documented rule in terms of phonenumbers alone: the digits, or None for a refusal."""
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    national_part = phonenumbers.national_significant_number(number)
    if len(national_part) <= 6 and not phonenumbers.is_valid_number(number):
        return None
    digits = f"{number.country_code}{national_part}"
    is_stable = phonenumbers.parse("+" + digits) == number
    return digits if len(digits) <= 15 and is_stable else None


def read_by_us(text: str, country: str | None = None) -> str | None:
    try:
        return parse(text, country)
    except InvalidNumber:
        return None


def example_numbers(region: str) -> list[str]:
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    numbers = (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
    return [format_number_of(number) for number in numbers if number]


def format_number_of(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


@pytest.fixture
def library_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the library was asked")

    monkeypatch.setattr(msisdn, "_read", refuse)


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("+48600100200", None),
        ("48600100200", None),
        ("0048600100200", None),
        ("+48600100200", "US"),
        ("600100200", "PL"),
        ("48600100200", "PL"),
        ("0048600100200", "PL"),
        ("600 100 200", "pl"),
        ("+48 600-100-200", ""),
        ("(+48) 600.100.200", None),
        ("\u202a+48\u00a0600\u2011100\u2011200\u202c", None),
        ("  600/100/200\n", "PL"),
    ],
)
def test_one_number_written_many_ways_is_one_number(written: str, country: str | None) -> None:
    assert parse(written, country) == "48600100200"


@pytest.mark.parametrize("number", ["15005550006", "48000000000", "48600100200", "390612345678", "80012345678"])
def test_numbers_of_tests_and_simulators_are_usable(number: str) -> None:
    assert parse("+" + number) == number


def test_a_trunk_prefix_inside_an_international_number_is_dropped() -> None:
    assert parse("+44 (0) 7700 900123") == parse("07700900123", "GB") == "447700900123"


def test_a_plus_overrules_the_default_country() -> None:
    assert parse("+447700900123", "PL") == "447700900123"


@pytest.mark.parametrize(
    ("written", "country", "code"),
    [
        ("", None, "number_empty"),
        ("  \u200b ", "PL", "number_empty"),
        ("()-", None, "number_empty"),
        ("7111", "PL", "number_too_short"),
        ("72000", "DE", "number_too_short"),
        ("+4972000", None, "number_too_short"),
        ("+48123456", None, "number_too_short"),
        ("5551234", "US", "number_too_short"),
        ("+4860010020030", None, "number_too_long"),
        ("+621234567890123456", None, "number_too_long"),
        ("9" * 5000, None, "number_too_long"),
        ("+" * 300, "PL", "number_too_long"),
        ("447700900123", "PL", "number_too_long"),
        ("+999123456789", None, "number_no_country"),
        ("+0048600100200", "PL", "number_no_country"),
        ("000000000", None, "number_no_country"),
        ("600100200", "XX", "default_country_unknown"),
        ("600100200", "\0", "default_country_unknown"),
        ("+712345678901", None, "invalid_number"),
        ("+4900151123456", None, "invalid_number"),
        ("600100200 ext. 5", "PL", "invalid_number"),
        ("600100200, 600100201", "PL", "invalid_number"),
        ("1-800-FLOWERS", "US", "invalid_number"),
        ("+48600+100200", None, "invalid_number"),
        ("+48600100200\0", None, "invalid_number"),
        ("\0", None, "invalid_number"),
        ("\ud800", None, "invalid_number"),
        ("٤٨٦٠٠١٠٠٢٠٠", None, "invalid_number"),
        ("+4860010020²", None, "invalid_number"),
    ],
)
def test_every_refusal_has_its_code(written: str, country: str | None, code: str) -> None:
    with pytest.raises(InvalidNumber) as refusal:
        parse(written, country)
    assert refusal.value.code == code
    assert refusal.value.sentence.endswith(".")
    assert refusal.value.remedy.endswith(".")


@pytest.mark.parametrize("garbage", [None, 48600100200, b"+48600100200", [], object()])
def test_what_is_no_string_is_refused_like_any_other_garbage(garbage: object) -> None:
    with pytest.raises(InvalidNumber) as refusal:
        parse(garbage)  # type: ignore[arg-type]
    assert refusal.value.code == "invalid_number"


@given(st.text(), st.sampled_from([None, "PL", "US", "XX"]))
@example("tel:+48600100200;ext=1", None)
def test_no_text_raises_anything_but_invalid_number(text: str, country: str | None) -> None:
    digits = read_by_us(text, country)
    assert digits is None or (digits.isascii() and digits.isdigit())


@given(st.text("0123456789", min_size=8, max_size=40))
def test_a_refusal_shows_only_the_masked_number(digits: str) -> None:
    refusal = InvalidNumber("number_too_long", digits)
    assert digits not in str(refusal)
    assert sum(character.isdigit() for character in refusal.masked) <= 7
    assert refusal.masked in str(refusal)


@settings(max_examples=300)
@given(st.sampled_from(CODES), digit_strings, st.sampled_from(["+", ""]))
@example(54, "1115123456", "+")
@example(54, "9111512345678", "+")
@example(7, "88005553535", "+")
@example(1, "12125550123", "")
@example(49, "00151123456", "+")
@example(39, "0612345678", "+")
def test_international_digits_are_read_as_the_library_reads_them(code: int, rest: str, plus: str) -> None:
    assert read_by_us(f"{plus}{code}{rest}") == read_by_the_library(f"+{code}{rest}", None)


@settings(max_examples=300)
@given(st.sampled_from(REGIONS), st.data())
def test_dialled_digits_are_read_as_the_library_reads_them(region: str, data: st.DataObject) -> None:
    own_code = str(phonenumbers.country_code_for_region(region))
    start = data.draw(st.sampled_from(["", "0", "00", "011", "1", "8", own_code, own_code + "0", "00" + own_code]))
    dialled = start + data.draw(digit_strings)
    assert read_by_us(dialled, region) == (read_by_the_library(dialled, region) if dialled else None)


def test_the_examples_of_every_country_are_read_as_the_library_reads_them_in_every_spelling() -> None:
    differing = []
    for region in REGIONS:
        for digits in example_numbers(region):
            tail = national(digits)
            spellings = [digits, tail, "0" + tail, "1" + tail, "8" + tail, "00" + digits, tail[1:], digits + "5"]
            spellings += [tail[:size] for size in range(2, len(tail))]
            differing += [
                (spelling, region)
                for spelling in spellings
                if read_by_us(spelling, region) != read_by_the_library(spelling, region)
            ]
            differing += [
                ("+" + spelling, None)
                for spelling in spellings
                if read_by_us("+" + spelling) != read_by_the_library("+" + spelling, None)
            ]
    assert differing == []


@pytest.mark.usefixtures("library_forbidden")
@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("+48600100200", None),
        ("48600100200", None),
        ("600100200", "PL"),
        ("48600100200", "PL"),
        ("+447700900123", "PL"),
        ("79031234567", None),
        ("2125550123", "US"),
        ("+5491123456789", None),
    ],
)
def test_plain_digits_never_reach_the_library(written: str, country: str | None) -> None:
    assert parse(written, country).endswith(written.lstrip("+"))


def test_every_country_can_read_its_own_mobile_numbers_as_dialled() -> None:
    for region in REGIONS:
        for digits in example_numbers(region)[:1]:
            assert parse(national(digits), region) == digits, region


@given(st.sampled_from(REGIONS).flatmap(lambda region: st.sampled_from(example_numbers(region) or ["48600100200"])))
def test_a_formatted_number_reads_back_as_itself(digits: str) -> None:
    assert parse(format_number(digits, "plus")) == digits
    assert parse(format_number(digits, "digits")) == digits
    assert parse(format_number(digits, "00")) == digits
    assert parse("+" + str(calling_code(digits)) + format_number(digits, "national")) == digits


@settings(max_examples=300)
@given(st.sampled_from(CODES), digit_strings)
def test_what_was_accepted_once_is_accepted_unchanged(code: int, rest: str) -> None:
    digits = read_by_us(f"+{code}{rest}")
    if digits is not None:
        assert parse(digits) == digits
        assert len(digits) <= 15


def test_formats_are_what_providers_ask_for() -> None:
    styles = ("plus", "digits", "00", "national")
    written = [format_number("48600100200", style) for style in styles]
    assert written == ["+48600100200", "48600100200", "0048600100200", "600100200"]


def test_a_national_form_needs_a_known_country_code() -> None:
    with pytest.raises(InvalidNumber) as refusal:
        format_number("999123456789", "national")
    assert refusal.value.code == "number_no_country"


@pytest.mark.parametrize(
    ("digits", "code", "country"),
    [
        ("48600100200", "48", "PL"),
        ("12125550123", "1", "US"),
        ("14165550123", "1", "CA"),
        ("15005550006", "1", "US"),
        ("79031234567", "7", "RU"),
        ("77010000000", "7", "KZ"),
        ("390612345678", "39", "IT"),
        ("390669812345", "39", "VA"),
        ("80012345678", "800", None),
        ("999123456789", None, None),
        ("0600100200", None, None),
        ("not a number", None, None),
        ("1", "1", "US"),
        ("", None, None),
    ],
)
def test_a_number_knows_its_country(digits: str, code: str | None, country: str | None) -> None:
    assert (calling_code(digits), country_of(digits)) == (code, country)


def test_country_of_survives_a_number_no_one_could_dial() -> None:
    assert country_of("1" * 5000) == "US"


@pytest.mark.parametrize(
    ("digits", "masked"),
    [
        ("48600100200", "4860•••••200"),
        ("123456789012345", "1234•••••345"),
        ("1234567", "12•••••67"),
        ("123456", "•••••"),
        ("", ""),
        ("secret +48 600 100 200", "4860•••••200"),
    ],
)
def test_a_masked_number_hides_its_middle_and_its_length(digits: str, masked: str) -> None:
    assert mask(digits) == masked
