"""What operators write where a provider's words are not documented."""

import pytest

from gatepost.providers.fields import FieldError, clean
from gatepost.providers.kit.own_words import field_names, named, plain, state_of, state_words, without_prefix
from gatepost.sms.states import State

LINES = ("Doręczono = delivered", "wygasło= expired")


@pytest.mark.parametrize(
    ("status", "state"),
    [("DORECZONO", State.DELIVERED), (" doręczono ", State.DELIVERED), ("wygaslo", State.EXPIRED), ("other", None)],
)
def test_a_state_is_found_without_regard_to_case_and_accents(status: str, state: State | None) -> None:
    assert state_of(LINES, status) is state


@pytest.mark.parametrize("line", ["delivered", "x = queued", "= delivered", "x = delivered, y"])
def test_a_line_that_names_no_state_is_refused_when_saved(line: str) -> None:
    with pytest.raises(FieldError) as fault:
        state_words("words").clean([line])
    assert fault.value.code == "bad_format"


def test_values_are_read_by_the_first_name_that_has_one() -> None:
    field = field_names("names", {"sender": ("numer", "phone"), "text": ("tresc",)})
    cleaned, faults = clean((field,), {})
    assert faults == []
    assert named(cleaned["names"], {"numer": "", "phone": "48", "other": "x"}) == {"sender": "48", "text": ""}
    assert named(("text = a", "text = b"), {"b": "x"}) == {"text": "x"}


def test_letters_that_do_not_decompose_are_plain_too() -> None:
    assert plain("Łódź") == "lodz"


@pytest.mark.parametrize(
    ("text", "left"), [("abc  yes", "yes"), ("ABCyes", "yes"), ("no abc", "no abc"), ("ABC", ""), ("ab", "ab")]
)
def test_a_keyword_is_cut_from_the_start(text: str, left: str) -> None:
    assert without_prefix(text, ("", "ABC")) == left
