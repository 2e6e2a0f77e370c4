"""Whatever stands in a text, a sender or a number: the request stays what the template says it is."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import assume, given
from hypothesis import strategies as st

from gatepost.providers import generic_http
from gatepost.providers.base import Context, Message
from gatepost.providers.fields import clean
from gatepost.providers.kit.http_template.draft import draft
from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.providers.kit.http_template.request import sending
from gatepost.providers.kit.http_template.scope import Scope
from gatepost.providers.kit.http_template.sending import SAMPLE_CONTEXT
from gatepost.providers.kit.http_template.signing import complete
from gatepost.providers.kit.xml import FORBIDDEN
from gatepost.providers.wire import Request

URL = "https://provider.example/send"
HOSTILE = st.sampled_from(
    [
        *("{{password}}", "%TO%", "{{text}}", "{{", "}}", "]]>", "<![CDATA[", "&amp;", "\ue000b0\ue001", "%20"),
        *('"', "\\", "'", "<", "&", "=", "+", "#", "?", "/../", ";", "☺", "😀"),
        *("\r\n", "\n", "\t", " ", "\x7f", "\x85", "\u2028"),
    ]
)
CHARACTERS = st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")
TEXTS = st.lists(st.one_of(HOSTILE, st.text(CHARACTERS, max_size=8)), max_size=8).map("".join)
SENDERS = st.one_of(HOSTILE, st.text(CHARACTERS, max_size=16))
NUMBERS = st.sampled_from(["48600100200", "250788383383", "79031234567", "12025550123"])


def settings(**values: Any) -> dict[str, Any]:
    """Settings as they are after saving."""
    cleaned, faults = clean(generic_http.manifest.fields, {"url": URL, **values})
    assert not faults, [fault.words for fault in faults]
    return dict(generic_http.prepare(cleaned))


def request(kept: dict[str, Any], text: str, sender: str = "", to: str = "48600100200", **more: Any) -> Request:
    message = Message("a1b2c3", to, text, sender, **more)
    ctx = Context(SAMPLE_CONTEXT.now, "n1", 7, receipt_url="https://gw.example/cb/dlr/TOK")
    one = draft(message, kept)
    scope = Scope(kept, ctx, (one,))
    return complete(sending(kept, is_unicode=one.is_unicode), scope)


def lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


FORM = settings(body="to={{to}}&text={{text}}&from={{sender}}", password="hidden-password")
FORM_20 = settings(body="to={{to}}&text={{text}}&from={{sender}}", space_as_plus=False)
QUERY = settings(
    method="GET",
    body_format="none",
    query=["to={{to}}", "text={{text}}", "from={{sender}}"],
    password="hidden-password",
)
QUOTED = settings(
    body_format="json", body='{"to": "%TO%", "text": "a {{text}} z", "from": "{{sender}}", "n": [1, null]}'
)
BARE = settings(body_format="json", body='{"to": {{to}}, "text": {{text}}, "from": {{sender}}, "uni": {{is_unicode}}}')
ASCII = settings(body_format="json", body='{"text": {{text}}}', json_ascii=True)
XML = settings(
    body_format="xml", body='<m from="{{sender}}"><t>{{text}}</t><c><![CDATA[x]{{text}}]]></c><to>{{to}}</to></m>'
)
PATH = settings(method="GET", body_format="none", url=URL + "/{{to}}/{{text}}/{{sender}}")
MULTIPART = settings(body_format="multipart", body="to={{to}}&text={{text}}&from={{sender}}")
PLAIN = settings(body_format="text", body="{{text}}")
HEADER = settings(body_format="none", headers=["X-Sender: {{sender}}", "X-Text: {{text|url}}"])


@given(TEXTS, SENDERS, NUMBERS)
@pytest.mark.parametrize("kept", [FORM, FORM_20])
def test_a_form_decodes_to_what_went_in(kept: dict[str, Any], text: str, sender: str, to: str) -> None:
    body = request(kept, text, sender, to).body.decode("ascii")
    assert parse_qsl(body, keep_blank_values=True, strict_parsing=True) == [
        ("to", f"+{to}"),
        ("text", lf(text)),
        ("from", sender),
    ]


@given(TEXTS, SENDERS, NUMBERS)
def test_a_query_decodes_to_what_went_in(text: str, sender: str, to: str) -> None:
    url = urlsplit(request(QUERY, text, sender, to).url)
    assert (url.scheme, url.netloc, url.path, url.fragment) == ("https", "provider.example", "/send", "")
    assert parse_qsl(url.query, keep_blank_values=True, strict_parsing=True) == [
        ("to", f"+{to}"),
        ("text", lf(text)),
        ("from", sender),
    ]


@given(TEXTS, SENDERS, NUMBERS)
def test_json_stays_json_and_gives_back_the_text(text: str, sender: str, to: str) -> None:
    quoted = json.loads(request(QUOTED, text, sender, to).body)
    assert quoted == {"to": f"+{to}", "text": f"a {lf(text)} z", "from": sender, "n": [1, None]}
    bare = json.loads(request(BARE, text, sender, to).body)
    assert {**bare, "uni": None} == {"to": f"+{to}", "text": lf(text), "from": sender, "uni": None}
    assert isinstance(bare["uni"], bool)


@given(TEXTS)
def test_json_in_ascii_gives_back_the_text(text: str) -> None:
    body = request(ASCII, text).body
    assert body.isascii()
    assert json.loads(body) == {"text": lf(text)}


@given(TEXTS, SENDERS, NUMBERS)
def test_xml_parses_and_gives_back_what_xml_allows(text: str, sender: str, to: str) -> None:
    root = fromstring(request(XML, text, sender, to).body)
    allowed = lf(text).translate(FORBIDDEN)
    assert root.attrib == {"from": sender.translate(FORBIDDEN)}
    assert [child.tag for child in root] == ["t", "c", "to"]
    assert (root[0].text or "") == allowed
    assert (root[1].text or "") == f"x]{allowed}"
    assert root[2].text == f"+{to}"


@given(TEXTS, SENDERS, NUMBERS)
def test_a_path_keeps_its_segments(text: str, sender: str, to: str) -> None:
    assume(not {".", ".."} & {lf(text), sender})
    segments = request(PATH, text, sender, to).url.removeprefix(URL + "/").split("/")
    assert [unquote_to_bytes(segment).decode() for segment in segments] == [f"+{to}", lf(text), sender]


@given(TEXTS, SENDERS, NUMBERS)
def test_a_multipart_body_has_exactly_its_parts(text: str, sender: str, to: str) -> None:
    made = request(MULTIPART, text, sender, to)
    boundary = dict(made.headers)["content-type"].partition("boundary=")[2].encode()
    parts = made.body.split(b"--" + boundary)
    values = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n").decode() for part in parts[1:-1]]
    assert values == [f"+{to}", lf(text), sender]
    assert parts[-1] == b"--\r\n"


@given(TEXTS)
def test_a_plain_body_is_the_text(text: str) -> None:
    assert request(PLAIN, text).body.decode() == lf(text)


@given(TEXTS, SENDERS)
def test_no_header_can_be_split(text: str, sender: str) -> None:
    try:
        made = request(HEADER, text, sender)
    except Unrenderable:
        assume(False)
        return
    for name, value in made.headers:
        assert not set("\r\n\x00") & set(name + value)
    assert dict(made.headers)["x-sender"] == sender


@given(TEXTS)
def test_nothing_is_substituted_twice(text: str) -> None:
    for kept in (FORM, QUERY):
        made = request(kept, text + "{{password}} %PASSWORD% %TO%", "{{password}}")
        assert b"hidden-password" not in made.body
        assert "hidden-password" not in made.url


@given(st.text(st.characters(codec="iso-8859-2"), max_size=40).filter(lambda text: "\x00" not in text))
def test_a_charset_decodes_to_what_went_in(text: str) -> None:
    kept = settings(body="text={{text}}", charset="iso-8859-2")
    body = request(kept, text).body.decode("ascii")
    assert parse_qsl(body, keep_blank_values=True, encoding="iso-8859-2") == [("text", lf(text))]
