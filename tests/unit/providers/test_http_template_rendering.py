"""Single facts about placeholders, modifiers and bodies, one line each."""

from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.providers.test_http_template import URL, request, settings

from gatepost.providers.base import Context, Message
from gatepost.providers.kit.http_template.draft import draft
from gatepost.providers.kit.http_template.escape import Unrenderable, percent
from gatepost.providers.kit.http_template.numbers import rewritten
from gatepost.providers.kit.http_template.request import sending
from gatepost.providers.kit.http_template.scope import Scope
from gatepost.providers.kit.http_template.sending import SAMPLE_CONTEXT
from gatepost.providers.kit.http_template.signing import complete
from gatepost.providers.kit.signatures import hash_hex

CREDENTIALS = {"username": "user", "password": "p&ss", "api_key": "key", "secret_1": "s1", "account_id": "acc"}


def text_of(template: str, text: str = "Hi", sender: str = "ACME", **more: Any) -> str:
    kept = settings(body_format="text", body=template, **{**CREDENTIALS, **more})
    return request(kept, text, sender).body.decode()


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        (
            "{{to}} {{to_plus}} {{to_no_plus}} {{to_00}} {{to_national}}",
            "+48600100200 +48600100200 48600100200 0048600100200 600100200",
        ),
        ("%TO% %MESSAGE% %FROM% %SENDER% %ID% %REF%", "+48600100200 Hi ACME ACME a1b2c3 a1b2c3"),
        ("%USERNAME%:%PASSWORD% %20 %d %to% %UNKNOWN%", "user:p&ss %20 %d %to% %UNKNOWN%"),
        ("{{text}} {{message}} {{sender}} {{from}}", "Hi Hi ACME ACME"),
        ("{{account_id}} {{api_key}} {{secret_1}} {{type}} {{flash}}", "acc key s1 sms 0"),
        ("{{coding}} {{is_unicode}} {{parts}} {{length}} {{charset}}", "0 false 1 2 UTF-8"),
        ("{{now_iso}} {{now_unix}} {{now:%d.%m.%Y}}", "2026-01-02T03:04:05Z 1767323045 02.01.2026"),
        ("{{batch_id}} {{validity_s}}|{{send_at_iso}}|{{mo_url}}", "7 ||"),
        ("{{text|upper}} {{text|lower}} {{sender|cut:2}} {{sender|len}}", "HI hi AC 4"),
        ("{{text|hex}} {{text|hex_utf16be}} {{text|b64}}", "4869 00480069 SGk="),
        ("{{text|md5}}", "c1a5298f939e87e8f962a5edfc206918"),
        ("{{text|sha1}}", "94dd9e08c129c785f7f256e82fbe0a30e6d1ae40"),
        ("{{password|url}} {{password|xml}} {{password|json}}", "p%26ss p&amp;ss p&ss"),
        ("{{to|digits}} {{flash|if:yes:no}} {{text|if:yes:no}}", "48600100200 no yes"),
        ("{{validity_s|default:3600}} {{ text | upper | cut:1 }}", "3600 H"),
        ("{{text|hmac_sha256:secret_1}}", "8dca26966e4f93f61497bf0c5f0578caa60ec41b0cdbaffbf16ee05ee22c037e"),
    ],
)
def test_a_placeholder_gives(template: str, wanted: str) -> None:
    assert text_of(template) == wanted


def test_the_uuid_is_new_for_each_request() -> None:
    kept = settings(body_format="text", body="{{uuid}}")
    one = draft(Message("r", "48600100200", "Hi"), kept)
    contexts = [Context(SAMPLE_CONTEXT.now, nonce) for nonce in ("n1", "n2", "n1")]
    bodies = [complete(sending(kept, is_unicode=False), Scope(kept, ctx, (one,))).body for ctx in contexts]
    assert bodies[0] == bodies[2] != bodies[1]


@pytest.mark.parametrize(("rules", "wanted"), [(["/[+-/. ]//"], "4912345678"), ([r"/\+/00/"], "0049 123/456-78")])
def test_a_number_is_rewritten(rules: list[str], wanted: str) -> None:
    assert rewritten("+49 123/456-78", rules) == wanted


@pytest.mark.parametrize(
    ("style", "wanted"),
    [("plus", "+48600100200"), ("digits", "48600100200"), ("00", "0048600100200"), ("national", "600100200")],
)
def test_the_number_format_says_what_to_gives(style: str, wanted: str) -> None:
    assert text_of("{{to}}", number_format=style) == wanted


@pytest.mark.parametrize(
    ("more", "text", "wanted"),
    [
        ({}, "“Hi” – ok…", "“Hi” – ok… 1"),
        ({"unicode_mode": "smart"}, "“Hi” – ok…", '"Hi" - ok... 0'),
        ({"unicode_mode": "unicode_only"}, "Hi", "Hi 1"),
        ({"transliterate": True}, "Zażółć", "Zazolc 0"),
        ({"message_template": "ACME: {{text}} STOP=%MESSAGE%"}, "{{text}}", "ACME: {{text}} STOP={{text}} 0"),
        ({"text_encoding_unicode": "hex_utf16be"}, "ż", "017C 1"),
        ({"text_encoding_gsm": "hex_gsm"}, "@€", "001B65 0"),
        ({"text_encoding_gsm": "hex_latin1"}, "é", "E9 0"),
        ({"text_encoding_unicode": "base64_utf8"}, "ż", "xbw= 1"),
        ({"max_chars": 4, "too_long": "cut"}, "12345", "1234 0"),
    ],
)
def test_a_text_is_written(more: dict[str, Any], text: str, wanted: str) -> None:
    assert text_of("{{text}} {{coding}}", text, **more) == wanted


def test_utf16_bytes_go_into_forms_as_they_are() -> None:
    kept = settings(body="t={{text}}&n={{text|hex}}", text_encoding_unicode="utf16be")
    assert request(kept, "Zaż").body == b"t=%00Z%00a%01%7C&n=005A0061017C"


@pytest.mark.parametrize(
    ("more", "message", "refusal"),
    [
        ({"unicode_mode": "gsm_only"}, Message("r", "48600100200", "ż"), "bad_content"),
        ({"max_chars": 4}, Message("r", "48600100200", "12345"), "bad_content"),
        ({"allowed_prefixes": "+49, 0043"}, Message("r", "48600100200", "Hi"), "bad_recipient"),
        ({"sender_allowed": "[A-Z]+"}, Message("r", "48600100200", "Hi", "acme"), "bad_sender"),
        ({"sender_allowed": "(a+)+b"}, Message("r", "48600100200", "Hi", "a" * 60), "bad_sender"),
    ],
)
def test_settings_refuse(more: dict[str, Any], message: Message, refusal: str) -> None:
    with pytest.raises(Unrenderable) as found:
        draft(message, settings(body="t={{text}}", **more))
    assert found.value.refusal == refusal


def test_what_a_charset_lacks_is_transliterated() -> None:
    kept = settings(body="t={{text}}", charset="iso-8859-1")
    assert request(kept, "Łódź é –").body == b"t=L%F3dz+%E9+-"


def test_what_cannot_be_transliterated_is_refused() -> None:
    with pytest.raises(Unrenderable) as found:
        request(settings(body="t={{text}}", charset="iso-8859-1"), "☺")
    assert found.value.refusal == "bad_content"


@pytest.mark.parametrize(
    ("body_format", "body", "wanted"),
    [
        ("form", "from={{sender?}}&to={{to}}&x={{sender}}&y=a{{sender?}}", "to=%2B48600100200&x=&y=a"),
        ("form", "a=1&\n  b=x+y%20z&c=%d &d", "a=1&b=x+y%20z&c=%d&d"),
        ("json", '{"from": "{{sender?}}", "f2": {{sender?}}, "l": ["{{sender?}}", 1]}', '{"l":[1]}'),
        (
            "json",
            '{"c": {{coding}}, "v": {{validity_s}}, "u": {{is_unicode}}, "n": {{text|len}}}',
            '{"c":0,"v":null,"u":false,"n":2}',
        ),
        ("json", '{"c": "{{coding}}", "r": {{secret_1|raw}}, "{{ref}}": 1.5}', '{"c":"0","r":{"a":1},"a1b2c3":1.5}'),
        ("xml", "<m><from>{{sender?}}</from> <f a='{{sender}}'>{{to}}</f></m>", "<m> <f a=''>+48600100200</f></m>"),
    ],
)
def test_a_body_becomes(body_format: str, body: str, wanted: str) -> None:
    kept = settings(body_format=body_format, body=body, secret_1='{"a": 1}')
    assert request(kept, "Hi").body.decode() == wanted


def test_an_xml_element_of_nothing_else_is_left_out_with_its_tags() -> None:
    kept = settings(body_format="xml", body="<m><f x='1'>\n{{sender?}}\n</f><t>{{text}}</t></m>")
    assert request(kept, "Hi").body == b"<m><t>Hi</t></m>"
    assert request(kept, "Hi", "ACME").body == b"<m><f x='1'>\nACME\n</f><t>Hi</t></m>"


def test_xml_in_another_charset_writes_the_rest_as_references() -> None:
    body = "<?xml version='1.0' encoding='iso-8859-2'?><t>{{text}}</t>"
    kept = settings(body_format="xml", body=body, charset="iso-8859-2")
    assert request(kept, "ż☺").body.endswith(b"<t>\xbf&#9786;</t>")


def test_unicode_variants_stand_in() -> None:
    kept = settings(body="t={{text}}", unicode_url=URL + "/unicode", unicode_body="u={{text|hex_utf16be}}")
    assert (request(kept, "Hi").url, request(kept, "Hi").body) == (URL, b"t=Hi")
    assert (request(kept, "ż").url, request(kept, "ż").body) == (URL + "/unicode", b"u=017C")


def test_a_form_goes_into_the_query_with_get() -> None:
    made = request(settings(method="GET", url=URL + "?a=1", body="to=%TO%&message=%MESSAGE%"), "a&b ☺")
    assert (made.url, made.body) == (URL + "?a=1&to=%2B48600100200&message=a%26b+%E2%98%BA", b"")


@pytest.mark.parametrize("text", [".", ".."])
def test_dots_alone_cannot_change_the_path(text: str) -> None:
    with pytest.raises(Unrenderable):
        request(settings(method="GET", body_format="none", url=URL + "/{{text}}/x"), text)


@pytest.mark.parametrize("sender", ["A\r\nX: 1", "A\nB", "A\x00", "Ż"])
def test_a_header_refuses(sender: str) -> None:
    with pytest.raises(Unrenderable) as found:
        request(settings(body_format="none", headers=["X-From: {{sender}}"]), "Hi", sender)
    assert found.value.refusal == "bad_content"


def test_times_and_validity_of_a_message() -> None:
    kept = settings(body_format="json", body='{"v": {{validity_min}}, "s": {{send_at_unix}}, "i": {{send_at_iso}}}')
    made = request(kept, "Hi", validity_s=61, send_at=SAMPLE_CONTEXT.now)
    assert made.body == b'{"v":2,"s":1767323045,"i":"2026-01-02T03:04:05Z"}'


def test_values_made_of_secrets_are_named_for_masking() -> None:
    made = request(settings(body="p={{password|md5}}&t={{text}}", password="hush"), "Hi")
    assert made.sensitive == (hash_hex(b"hush"),)


@given(st.one_of(st.text(st.characters(exclude_categories=("Cs",))), st.binary()))
def test_values_are_percent_encoded_as_the_standard_library_does(value: str | bytes) -> None:
    data = value if isinstance(value, bytes) else value.encode()
    assert percent(value, "utf-8", is_plus=False) == quote_from_bytes(data, safe="")
    assert percent(value, "utf-8", is_plus=True) == quote_from_bytes(data, safe=" ").replace(" ", "+")
