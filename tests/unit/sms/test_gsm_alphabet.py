"""The alphabet itself, against the rows of the standard's table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.sms.gsm import BASIC, ESCAPE, EXTENSION, InvalidText, encode_gsm7, is_gsm7

gsm7_texts = st.text(BASIC.replace(ESCAPE, "") + "".join(EXTENSION))

# Rows that are not ASCII in place, from 3GPP TS 23.038 6.2.1 and 6.2.1.1: septet and Unicode code point.
STANDARD = {
    0x00: 0x0040, 0x01: 0x00A3, 0x02: 0x0024, 0x03: 0x00A5, 0x04: 0x00E8, 0x05: 0x00E9, 0x06: 0x00F9, 0x07: 0x00EC,
    0x08: 0x00F2, 0x09: 0x00C7, 0x0A: 0x000A, 0x0B: 0x00D8, 0x0C: 0x00F8, 0x0D: 0x000D, 0x0E: 0x00C5, 0x0F: 0x00E5,
    0x10: 0x0394, 0x11: 0x005F, 0x12: 0x03A6, 0x13: 0x0393, 0x14: 0x039B, 0x15: 0x03A9, 0x16: 0x03A0, 0x17: 0x03A8,
    0x18: 0x03A3, 0x19: 0x0398, 0x1A: 0x039E, 0x1C: 0x00C6, 0x1D: 0x00E6, 0x1E: 0x00DF, 0x1F: 0x00C9, 0x24: 0x00A4,
    0x40: 0x00A1, 0x5B: 0x00C4, 0x5C: 0x00D6, 0x5D: 0x00D1, 0x5E: 0x00DC, 0x5F: 0x00A7, 0x60: 0x00BF, 0x7B: 0x00E4,
    0x7C: 0x00F6, 0x7D: 0x00F1, 0x7E: 0x00FC, 0x7F: 0x00E0,
}  # fmt: skip
STANDARD_EXTENSION = {
    0x0A: 0x000C, 0x14: 0x005E, 0x28: 0x007B, 0x29: 0x007D, 0x2F: 0x005C, 0x3C: 0x005B, 0x3D: 0x007E, 0x3E: 0x005D,
    0x40: 0x007C, 0x65: 0x20AC,
}  # fmt: skip


def test_every_basic_septet_is_the_standards() -> None:
    expected = {septet: chr(STANDARD.get(septet, septet)) for septet in range(128) if septet != 0x1B}
    assert {encode_gsm7(character)[0]: character for character in BASIC.replace(ESCAPE, "")} == expected


def test_every_extension_character_is_an_escape_and_the_standards_septet() -> None:
    expected = {bytes([0x1B, septet]): chr(code_point) for septet, code_point in STANDARD_EXTENSION.items()}
    assert {encode_gsm7(character): character for character in EXTENSION} == expected


def test_the_alphabet_has_these_characters_and_no_others() -> None:
    members = {chr(code_point) for code_point in range(0x11000) if is_gsm7(chr(code_point))}
    assert members == set(BASIC.replace(ESCAPE, "")) | set(EXTENSION)
    assert len(members) == 137


@given(gsm7_texts)
def test_septets_read_back_as_the_text(text: str) -> None:
    back = dict(enumerate(BASIC))
    escaped_back = {septet: character for character, septet in EXTENSION.items()}
    septets = iter(encode_gsm7(text))
    assert "".join(escaped_back[next(septets)] if s == 0x1B else back[s] for s in septets) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("zażółć", "text_not_gsm7"),
        ("a\x1bb", "text_not_gsm7"),
        ("a\0", "text_has_nul"),
        ("\udfff", "text_has_lone_surrogate"),
    ],
)
def test_what_cannot_be_encoded_says_why(text: str, code: str) -> None:
    with pytest.raises(InvalidText) as refusal:
        encode_gsm7(text)
    assert refusal.value.code == code
