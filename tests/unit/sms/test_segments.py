"""Encoding, units, segments, and what each character costs."""

from itertools import pairwise

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.sms.gsm import BASIC, ESCAPE, EXTENSION, InvalidText
from gatepost.sms.text import Measure, count_segments, encode_gsm7, is_gsm7, measure, saving, split, transliterate

# Few pieces, repeated: boundaries are met far more often than with arbitrary characters.
pieces = st.sampled_from(["a", "€", "{", "ж", "😀", "\n", "ó", "Zażółć ", "~|", "text "])
long_texts = st.lists(st.tuples(pieces, st.integers(0, 160)), max_size=6).map(
    lambda runs: "".join(piece * times for piece, times in runs)
)
gsm7_texts = st.lists(
    st.tuples(st.sampled_from(["a", "€", "[]", "à "]), st.integers(0, 160)), min_size=1, max_size=6
).map(lambda runs: "".join(piece * times for piece, times in runs))
sendable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def units(text: str) -> int:
    """Counted the slow way: septets, or UTF-16 code units."""
    if all(character in BASIC or character in EXTENSION for character in text) and ESCAPE not in text:
        return sum(2 if character in EXTENSION else 1 for character in text)
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@pytest.mark.parametrize(
    ("text", "encoding", "used", "segments", "per_segment", "left"),
    [
        ("", "gsm7", 0, 1, 160, 160),
        ("a" * 160, "gsm7", 160, 1, 160, 0),
        ("a" * 161, "gsm7", 161, 2, 153, 145),
        ("a" * 306, "gsm7", 306, 2, 153, 0),
        ("a" * 307, "gsm7", 307, 3, 153, 152),
        ("€" * 80, "gsm7", 160, 1, 160, 0),
        ("€" * 81, "gsm7", 162, 2, 153, 143),
        ("a" * 152 + "€" + "a" * 10, "gsm7", 164, 2, 153, 141),
        ("a" * 152 + "€" + "a" * 152, "gsm7", 306, 3, 153, 152),
        ("ж" * 70, "ucs2", 70, 1, 70, 0),
        ("ж" * 71, "ucs2", 71, 2, 67, 63),
        ("ж" * 134, "ucs2", 134, 2, 67, 0),
        ("😀" * 35, "ucs2", 70, 1, 70, 0),
        ("ж" * 66 + "😀" + "ж" * 66, "ucs2", 134, 3, 67, 66),
    ],
)
def test_texts_at_the_boundaries_have_the_sizes_of_the_standard(
    text: str, encoding: str, used: int, segments: int, per_segment: int, left: int
) -> None:
    measured = measure(text)
    assert (measured.encoding, measured.units, measured.segments) == (encoding, used, segments)
    assert (measured.per_segment, measured.left_in_segment) == (per_segment, left)


def test_the_empty_text_is_one_empty_segment() -> None:
    assert measure("") == Measure("gsm7", 0, 1, 160, 160, ())
    assert split("") == [""]


@given(st.one_of(long_texts, sendable))
def test_joined_segments_are_the_text_and_each_fits(text: str) -> None:
    segments = split(text)
    single, part = (160, 153) if is_gsm7(text) else (70, 67)
    limit = single if len(segments) == 1 else part
    assert "".join(segments) == text
    # Units counted in the encoding of the whole text: a GSM-7 piece of a UCS-2 text travels as UCS-2.
    size = units if is_gsm7(text) else lambda piece: len(piece.encode("utf-16-be")) // 2
    assert all(size(segment) <= limit for segment in segments)
    assert text == "" or all(segments)


@given(st.one_of(long_texts, sendable))
def test_a_measure_agrees_with_the_segments_it_announces(text: str) -> None:
    measured = measure(text)
    segments = split(text)
    assert measured.segments == len(segments)
    assert measured.encoding == ("gsm7" if is_gsm7(text) else "ucs2")
    assert measured.units == units(text)
    assert (measured.encoding, measured.segments) == count_segments(text)
    size = len(encode_gsm7(segments[-1])) if is_gsm7(text) else len(segments[-1].encode("utf-16-be")) // 2
    assert measured.left_in_segment == measured.per_segment - size


@given(st.one_of(long_texts, gsm7_texts))
def test_no_segment_could_have_taken_the_first_character_of_the_next(text: str) -> None:
    segments = split(text)
    part = 153 if is_gsm7(text) else 67
    size = units if is_gsm7(text) else lambda piece: len(piece.encode("utf-16-be")) // 2
    assert all(size(one + other[0]) > part for one, other in pairwise(segments))


@given(long_texts, pieces)
def test_a_longer_text_never_has_fewer_segments(text: str, piece: str) -> None:
    assert measure(text + piece).segments >= measure(text).segments


@given(long_texts)
def test_segments_are_those_of_smsutil(text: str) -> None:
    """An independent package; by design it differs for the empty text alone, which it calls UTF-16 and we GSM-7."""
    theirs = smsutil.split(text)
    assert [len(segment) for segment in split(text)] == [part.length for part in theirs.parts]
    if text:
        assert {"gsm7": "gsm0338", "ucs2": "utf_16_be"}[measure(text).encoding] == theirs.encoding


def test_characters_that_cost_two_septets_are_named_in_order_with_their_count() -> None:
    costly = measure("[10€] and [20€]").costly
    assert [(c.character, c.name, c.count, c.effect, c.replacement) for c in costly] == [
        ("[", "LEFT SQUARE BRACKET", 2, "two_septets", None),
        ("€", "EURO SIGN", 2, "two_septets", None),
        ("]", "RIGHT SQUARE BRACKET", 2, "two_septets", None),
    ]


def test_characters_that_force_ucs2_are_named_with_what_could_stand_there() -> None:
    costly = measure("Łódź – 5€ 😀\u200b\x07").costly
    assert [(c.character, c.name, c.count, c.effect, c.replacement) for c in costly] == [
        ("Ł", "LATIN CAPITAL LETTER L WITH STROKE", 1, "forces_ucs2", "L"),
        ("ó", "LATIN SMALL LETTER O WITH ACUTE", 1, "forces_ucs2", "o"),
        ("ź", "LATIN SMALL LETTER Z WITH ACUTE", 1, "forces_ucs2", "z"),
        ("–", "EN DASH", 1, "forces_ucs2", "-"),
        ("😀", "GRINNING FACE", 1, "forces_ucs2", None),
        ("\u200b", "ZERO WIDTH SPACE", 1, "forces_ucs2", ""),
        ("\x07", "U+0007", 1, "forces_ucs2", None),
    ]


def test_a_joiner_is_offered_for_removal_only_where_it_would_go() -> None:
    assert [c.replacement for c in measure("a\u200db").costly] == [""]
    assert [c.replacement for c in measure("👩\u200d🔧").costly] == [None, None, None]


@given(sendable)
def test_a_text_is_named_costly_exactly_when_it_is_not_plain(text: str) -> None:
    measured = measure(text)
    assert (measured.costly == ()) == all(character in BASIC and character != ESCAPE for character in text)


def test_a_saving_counts_segments_before_and_after() -> None:
    text = "Zażółć gęślą jaźń. " * 8
    offered = saving(text)
    assert offered is not None
    assert (offered.before, offered.after) == (3, 1)
    assert offered.text == "Zazolc gesla jazn. " * 8
    assert {costly.character for costly in offered.replaced} == set("żółćęśąźń")


@pytest.mark.parametrize("text", ["", "a" * 500, "€" * 200, "Zażółć", "😀" * 100])
def test_there_is_no_saving_where_no_segment_is_saved(text: str) -> None:
    assert saving(text) is None


@settings(max_examples=50)
@given(long_texts)
def test_a_saving_is_what_the_replaced_text_really_takes(text: str) -> None:
    offered = saving(text)
    before, after = measure(text).segments, measure(transliterate(text)).segments
    assert (None if offered is None else (offered.before, offered.after)) == (
        (before, after) if after < before else None
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\0b", "text_has_nul"),
        ("ж\0", "text_has_nul"),
        ("\ud83d", "text_has_lone_surrogate"),
        ("a\ude00\ud83d", "text_has_lone_surrogate"),
    ],
)
@pytest.mark.parametrize("use", [measure, split, count_segments, saving, transliterate])
def test_a_text_no_sms_can_carry_is_refused_with_a_code(use: object, text: str, code: str) -> None:
    assert callable(use)
    with pytest.raises(InvalidText) as refusal:
        use(text)
    assert refusal.value.code == code
    assert refusal.value.sentence.endswith(".")
    assert refusal.value.remedy.endswith(".")
