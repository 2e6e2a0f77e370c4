"""What is offered in place of characters that GSM-7 lacks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.sms.text import is_gsm7, to_gsm_or_none, transliterate, typographic

sendable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
PUNCTUATION = " .,!?-–—…„”“’«»№0123456789\u00a0\t\n"
POLISH = "aąbcćdeęfghijklłmnńoóprsśtuwyzźżqvx"
RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
UKRAINIAN = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
CZECH = "aábcčdďeéěfghiíjklmnňoópqrřsštťuúůvwxyýzž"


def written_in(letters: str) -> st.SearchStrategy[str]:
    return st.text(letters + letters.upper() + PUNCTUATION)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
        ("Pchnąć w tę łódź jeża lub ośm skrzyń fig", "Pchnac w te lodz jeza lub osm skrzyn fig"),
        ("Příliš žluťoučký kůň", "Prilis zlutoucky kun"),
        ("Größe, Übung, Straße", "Größe, Übung, Straße"),
        ("ŐŰ őű, Þór, œuvre, đak", "ÖÜ öü, Thor, oeuvre, dak"),
        ("Tiếng Việt", "Tieng Viet"),
        ("Съешь ещё этих мягких французских булок", "Sesh eshchyo etikh myagkikh frantsuzskikh bulok"),
        ("Здравствуйте! Заказ №5", "Zdravstvuyte! Zakaz No5"),
        ("Щука и ЩУКА, Юля и ЮЛЯ", "Shchuka i SHCHUKA, Yulya i YULYA"),
        ("Київ, Григорій, їжа", "Kyiv, Hryhoriy, izha"),
        ("„Tak” – rzekł… i ‘nie’", "\"Tak\" - rzekl... i 'nie'"),
        ("a\u00a0b\u200bc\u2003d\te", "a bc d e"),
        ("• raz\u2028• dwa", "* raz\n* dwa"),
        ("е\u0301 cafe\u0301 zo\u0328", "e café zo"),
        ("ΑΘΗΝΑ", "AΘHNA"),
        ("© 2026 ™ ½ m²", "(c) 2026 TM ½ m2"),
        ("100 ₽ → 5 µg", "100 RUB -> 5 ug"),
        ("\uff21\uff22\uff11 ﬁn", "AB1 fin"),
    ],
)
def test_transliteration_reads_like_the_original(text: str, expected: str) -> None:
    assert transliterate(text) == expected


@pytest.mark.parametrize("text", ["😀", "日本語", "👩\u200d👩\u200d👧", "नमस्\u200dते", "❤\ufe0f", "μg", "5½", "שלום"])
def test_what_has_no_reading_stays_as_it_is(text: str) -> None:
    assert transliterate(text) == text
    assert to_gsm_or_none(text) is None


@pytest.mark.parametrize(
    "letters", [POLISH, RUSSIAN, UKRAINIAN, CZECH], ids=["Polish", "Russian", "Ukrainian", "Czech"]
)
@settings(max_examples=50)
@given(st.data())
def test_a_text_of_this_language_always_becomes_gsm7(letters: str, data: st.DataObject) -> None:
    text = data.draw(written_in(letters))
    replaced = transliterate(text)
    assert is_gsm7(replaced)
    assert to_gsm_or_none(text) == replaced


@given(sendable)
def test_transliterating_twice_changes_nothing_more(text: str) -> None:
    once = transliterate(text)
    assert transliterate(once) == once


@given(sendable.filter(is_gsm7))
def test_a_gsm7_text_is_never_touched(text: str) -> None:
    assert transliterate(text) == text
    assert typographic(text) == text


@given(sendable)
def test_typographic_replacement_twice_changes_nothing_more(text: str) -> None:
    once = typographic(text)
    assert typographic(once) == once


def test_typographic_replacement_keeps_letters() -> None:
    assert typographic("„Zażółć” — ёлка…\u00a0•") == '"Zażółć" - ёлка... *'


def test_capitals_of_several_letters_follow_their_neighbours() -> None:
    assert transliterate("ЖЕНЯ Женя Ж") == "ZHENYA Zhenya Zh"


def test_russian_letters_win_where_a_text_has_both_alphabets() -> None:
    assert transliterate("Григорий і этот") == "Grigoriy i etot"
