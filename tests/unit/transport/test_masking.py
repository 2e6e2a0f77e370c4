"""No declared secret of four characters or more is readable in what may be stored or shown, however it was encoded."""

import hashlib
import html
import json
import re
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote_to_bytes
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.transport.masking import HIDDEN, SHORT, Masker, _secret_pattern

ENCODERS: dict[str, Callable[[str], str]] = {
    "raw": lambda s: s,
    "quote": quote,
    "quote all": lambda s: quote(s, safe=""),
    "quote_plus": quote_plus,
    "quote lower": lambda s: re.sub("%..", lambda found: found[0].lower(), quote(s, safe="")),
    "every byte quoted": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "quote twice": lambda s: quote(quote(s, safe=""), safe=""),
    "json": lambda s: json.dumps(s)[1:-1],
    "json unicode": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "json php": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "json in json": lambda s: json.dumps(json.dumps(s))[1:-1][2:-2] if s else s,
    "json in a form": lambda s: quote_plus(json.dumps(s)[1:-1]),
    "xml": escape,
    "html": html.escape,
    "xml numbers": lambda s: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in s),
    "xml hex": lambda s: "".join(c if c.isalnum() else f"&#x{ord(c):X};" for c in s),
    "xml in a form": lambda s: quote_plus(html.escape(s)),
    "base64": lambda s: b64encode(s.encode()).decode(),
    "base64 url": lambda s: urlsafe_b64encode(s.encode()).decode(),
    "base64 in a form": lambda s: quote_plus(b64encode(s.encode()).decode()),
    "hex": lambda s: s.encode().hex(),
    "hex upper": lambda s: s.encode().hex().upper(),
    "md5": lambda s: hashlib.md5(s.encode()).hexdigest(),
    "md5 upper": lambda s: hashlib.md5(s.encode()).hexdigest().upper(),
}

secrets = st.text(
    st.one_of(st.sampled_from("aZ09 %+&/=\"'<>\\~-_.:;$\n\tąźЖ🙂"), st.characters(exclude_categories=("Cs",))),
    min_size=SHORT,
    max_size=40,
).filter(lambda s: "•" not in s)
surroundings = st.text(st.sampled_from('abc =&"<>{}:,/%'), max_size=12)


@settings(max_examples=120)
@given(secret=secrets, before=surroundings, after=surroundings)
def test_a_secret_survives_in_no_encoding(secret: str, before: str, after: str) -> None:
    # One masker for all encodings: making its pattern takes far longer than looking for it.
    masker = Masker([secret])
    for name, encode in ENCODERS.items():
        encoded = encode(secret)
        masked = masker.mask(f"{before}{encoded}{after}")
        assert encoded not in masked, name
        assert HIDDEN in masked, name


@settings(max_examples=50)
@given(secret=secrets, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_a_secret_inside_base64_cannot_be_decoded_from_what_is_left(secret: str, before: bytes, after: bytes) -> None:
    for encode in (b64encode, urlsafe_b64encode):
        encoded = encode(before + secret.encode() + after).decode()
        masked = Masker([secret]).mask(f"Basic {encoded} end")
        left = masked.removeprefix("Basic ").removesuffix(" end")
        assert HIDDEN in left
        for piece in left.split(HIDDEN):
            characters = piece.rstrip("=").replace("-", "+").replace("_", "/")
            for shift in range(4):
                whole = "A" * shift + characters
                decoded = b64decode(whole[: len(whole) // 4 * 4])
                assert secret.encode() not in decoded


@settings(max_examples=50)
@given(st.lists(secrets, min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=6), surroundings)
def test_several_secrets_do_not_shield_each_other(values: list[str], order: list[int], between: str) -> None:
    text = between.join(values[index % len(values)] for index in order)
    masked = Masker(values).mask(text)
    assert not any(value in masked for value in values)


CHARSETS = {"cp1251": "пароль Ключ№1+/", "latin-1": "pä¼ß +%&x1", "cp1250": "łóżąęś=&1", "iso8859-7": "λέξηΚ 1+"}


@given(st.data(), st.sampled_from(sorted(CHARSETS)))
def test_form_bodies_in_other_charsets_are_masked_too(data: st.DataObject, codec: str) -> None:
    secret = data.draw(st.text(st.sampled_from(CHARSETS[codec]), min_size=SHORT, max_size=20))
    raw = secret.encode(codec)
    masker = Masker([secret])
    assert quote_plus(raw) not in masker.mask(f"pw={quote_plus(raw)}&x=1")
    assert raw.decode("latin-1") not in masker.mask(f"pw={raw.decode('latin-1')}&x=1")
    assert b64encode(raw).decode() not in masker.mask(f"Basic {b64encode(raw).decode()}")


def test_overlapping_secrets_are_hidden_as_one() -> None:
    assert Masker(["abcd1", "cd12ef"]).mask("x abcd12ef y") == f"x {HIDDEN} y"
    assert Masker(["token", "token-long"]).mask("a token-long b token c") == f"a {HIDDEN} b {HIDDEN} c"


def test_basic_auth_hides_the_password() -> None:
    header = "Basic " + b64encode(b"login:s3cret-Pw").decode()
    masked = Masker(["s3cret-Pw"]).mask(header)
    assert b"s3c" not in unquote_to_bytes(masked)
    assert masked.startswith("Basic bG9naW")


def test_short_secrets_are_hidden_only_as_whole_values() -> None:
    masker = Masker(["12", "x"])
    text = 'pin=12&count=1200&ax=12x {"pin": "12", "n": 12, "x": "x12"} <p>12</p> 2012 12'
    expected = 'pin=•••&count=1200&ax=12x {"pin": "•••", "n": •••, "•••": "x12"} <p>•••</p> 2012 •••'
    assert masker.mask(text) == expected


@pytest.mark.parametrize("values", [[], [""], ["x" * 10_000]])
def test_what_is_no_secret_masks_nothing(values: list[str]) -> None:
    text = "x" * 20_000
    assert Masker(values).mask(text) == text


def test_the_digits_of_a_hex_secret_may_change_case() -> None:
    digest = hashlib.md5(b"password").hexdigest()
    assert Masker([digest]).mask(f"pw={digest.upper()}&") == f"pw={HIDDEN}&"


@pytest.mark.parametrize("secret", ["\\" * 30 + "a", "%" * 30 + "b", "&" * 30 + "c", '"' * 30 + "d", "aaaa" * 10 + "e"])
def test_repetitive_secrets_do_not_take_for_ever(secret: str) -> None:
    masker = Masker([secret])
    started = time.process_time()
    for text in (secret[:-1] * 50, json.dumps(secret[:-1] * 50), "&amp;" * 1000, "%25" * 1000, "\\" * 4000):
        masker.mask(text)
    assert time.process_time() - started < 2


def test_a_long_answer_is_masked_quickly() -> None:
    masker = Masker(["tok-secret-1/with+odd=chars", "another secret", "a" * 300, "пароль-и-ключ"])
    text = json.dumps([{"id": n, "text": "Zażółć gęślą jaźń & <b>"} for n in range(300)])
    started = time.process_time()
    masker.mask(text)
    assert time.process_time() - started < 1


def test_texts_and_numbers_are_masked_for_logs() -> None:
    text = 'Your code is 1234, "Zażółć"'
    masker = Masker((), texts=[text], numbers=["48600100200"])
    body = json.dumps({"to": "+48600100200", "text": text})
    assert masker.mask(body) == '{"to": "+4860•••••200", "text": "[text]"}'
    assert masker.mask(f"to=48600100200&text={quote_plus(text)}") == "to=4860•••••200&text=[text]"
    assert masker.mask(f"<t>{escape(text)}</t>") == "<t>[text]</t>"
    assert masker.mask(f"hex={text.encode('utf-16-be').hex().upper()}") == "hex=[text]"


def test_no_pattern_is_made_for_what_a_text_is_too_short_to_hold() -> None:
    """A signature is another one for every message, and its pattern takes a thousand times as long as a mask."""
    _secret_pattern.cache_clear()
    masker = Masker([f"{number:064x}" for number in range(20)])
    assert masker.mask("Too many requests") == "Too many requests"
    assert _secret_pattern.cache_info().misses == 0
    assert masker.mask(f"{7:064x}") == HIDDEN


@settings(max_examples=60)
@given(secret=secrets, start=st.integers(0, 2), tail=st.integers(0, 2))
def test_the_shortest_spelling_of_a_secret_is_still_found(secret: str, start: int, tail: int) -> None:
    """Within Base64 a secret can take the fewest characters: alone among its neighbours' bits."""
    encoded = b64encode(bytes(start) + secret.encode() + bytes(tail)).decode()
    core = encoded[(0, 2, 3)[start] : (start + len(secret.encode())) * 8 // 6]
    assert core not in Masker([secret]).mask(core)
