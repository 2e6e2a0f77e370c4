"""Finding the links of a text, and putting codes in their place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.links.shortening import CODE, Shortener, new_code, shortened, target_of

BASE = "https://go.acme.example"
SHORT = re.compile(re.escape(f"{BASE}/s/") + "[0-9A-Za-z]{9}")


def shortener() -> Shortener:
    return Shortener(1, 7, BASE)


TEXTS = {
    "See https://acme.example/offers.": ("See ·.", ["https://acme.example/offers"]),
    "(https://acme.example/a_(b))": ("(·)", ["https://acme.example/a_(b)"]),
    "HTTP://ACME.example?q=1#x!": ("·!", ["http://ACME.example?q=1#x"]),
    "https://a.example/1, https://a.example/2; https://a.example/1": (
        "·, ·; ·",
        ["https://a.example/1", "https://a.example/2"],
    ),
    '"https://a.example/x" <https://a.example/y>': ('"·" <·>', ["https://a.example/x", "https://a.example/y"]),
    "https://żółw.example/zażółć": ("·", ["https://%C5%BC%C3%B3%C5%82w.example/za%C5%BC%C3%B3%C5%82%C4%87"]),
    "https://a.example/%C5%BC?a=b&c=%20": ("·", ["https://a.example/%C5%BC?a=b&c=%20"]),
    "javascript:alert(1) ftp://a.example www.a.example mailto:a@b.example": (None, []),
    "https:// http://? https://[::bad": (None, []),
    f"{BASE}/s/abcdefghi": (None, []),
    "https://a.example/" + "x" * 2000: (None, []),
    "": (None, []),
}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:30])
def test_links_become_short_and_the_rest_stays(text: str) -> None:
    wanted, targets = TEXTS[text]
    one = shortener()
    written = one.write(text, 5)
    assert SHORT.sub("·", written) == (wanted if wanted is not None else SHORT.sub("·", text))
    assert [url for _, url, _ in one._new] == targets
    assert all(code in written for code, _, _ in one._new)


def test_a_single_message_gets_short_links_where_they_are_shorter() -> None:
    long = "https://acme.example/offers/2026/november"
    text, links = shortened(f"A {long}, b https://a.example c {long}! {BASE}/s/abcdefghi", BASE)
    [(code, target)] = links
    short = f"{BASE}/s/{code}"
    assert (text, target) == (f"A {short}, b https://a.example c {short}! {BASE}/s/abcdefghi", long)
    assert shortened("nothing here", BASE) == ("nothing here", ())


@given(st.lists(st.text(max_size=60).map(lambda text: f"https://a.example/{text} {text}"), max_size=4).map(" ".join))
def test_shortening_a_single_message_never_makes_it_longer(text: str) -> None:
    written, links = shortened(text, BASE)
    assert len(written) <= len(text)
    assert bool(links) == (written != text)
    assert all(code in written and target_of(target) == target for code, target in links)


def test_each_recipient_has_a_code_of_their_own_of_the_same_length() -> None:
    one = shortener()
    texts = {one.write("https://acme.example", contact) for contact in range(200)}
    assert len(texts) == 200
    assert len({len(text) for text in texts}) == 1


def test_what_is_forgotten_is_not_kept() -> None:
    one = shortener()
    one.write("https://acme.example", 1)
    one.forget()
    one.write("https://acme.example", 2)
    one.keep({3})
    assert one._new == []


def test_codes_are_drawn_from_all_letters() -> None:
    assert CODE.fullmatch(new_code())
    assert len({character for _ in range(300) for character in new_code()}) == 62


@given(st.text(max_size=300) | st.text(max_size=80).map(lambda text: f"https://{text} http://a.example/{text}"))
def test_whatever_is_written_leads_to_the_web_only(text: str) -> None:
    one = shortener()
    one.write(text, 1)
    for _, url, _ in one._new:
        assert re.match("https?://[^/?#]", url)
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//a.example", "http://", "file:///etc"])
def test_only_addresses_of_the_web_are_targets(url: str) -> None:
    assert target_of(url) is None
