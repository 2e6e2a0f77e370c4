"""What is refused, amended and advised when settings are saved; what the settings can do; presets as files."""

from typing import Any

import pytest
from tests.unit.providers.test_http_template import URL, settings

from gatepost.providers import generic_http
from gatepost.providers.fields import FieldError, clean
from gatepost.providers.generic_http.presets import PRESETS
from gatepost.providers.kit.http_template import fields
from gatepost.providers.manifest import Batch, Dedupe, Feed
from gatepost.providers.registry import provider

FORM: dict[str, Any] = {"body": "to={{to}}&text={{text}}"}


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"body": "to={{too}}"}, "body", "bad_template"),
        ({"body": "to={{to|nope}}"}, "body", "bad_template"),
        ({"body": "to={{to"}, "body", "bad_template"),
        ({"body": "to={{to|cut:x}}"}, "body", "bad_template"),
        ({"body": "t={{text|hmac_sha256:username}}"}, "body", "bad_template"),
        ({"body": "t={{text|raw}}"}, "body", "bad_template"),
        ({"body": ""}, "body", "required"),
        ({"body": "password=hush&to={{to}}"}, "body", "bad_template"),
        ({**FORM, "query": ["api_key=hush"]}, "query", "bad_template"),
        ({**FORM, "url": URL + "?token=hush"}, "url", "bad_template"),
        ({**FORM, "headers": ["Authorization: Basic dTpw"]}, "headers", "bad_template"),
        ({**FORM, "headers": ["X-Api-Key: hush"]}, "headers", "bad_template"),
        ({**FORM, "headers": ["Host: other"]}, "headers", "bad_template"),
        ({**FORM, "headers": ["no colon"]}, "headers", "bad_template"),
        ({**FORM, "url": "ftp://x/"}, "url", "bad_template"),
        ({**FORM, "url": "https://{{text}}.example/"}, "url", "bad_template"),
        ({**FORM, "url": "https://x.example/#part"}, "url", "bad_template"),
        ({**FORM, "url": "http://HOST:13013/send"}, "url", "bad_template"),
        ({**FORM, "url": "https://u:p@x.example/", "auth": "bearer", "api_key": "k"}, "url", "credentials_in_url"),
        ({"method": "GET", "body_format": "json", "body": "{}"}, "method", "body_with_get"),
        ({"body_format": "json", "body": "{'to': {{to}}}"}, "body", "bad_template"),
        ({"body_format": "json", "body": '{"to": "{{to|raw}}"}', "confirm_raw": True}, "body", "bad_template"),
        ({"body_format": "xml", "body": "<a><b>{{text}}</a>"}, "body", "not_xml"),
        ({"body_format": "xml", "body": "<a {{text}}='1'/>"}, "body", "bad_template"),
        ({"body_format": "xml", "body": "<a><!-- {{text}} --></a>"}, "body", "bad_template"),
        (
            {"body_format": "xml", "body": "<?xml version='1.0' encoding='koi8-r'?><a>{{text}}</a>"},
            "body",
            "bad_template",
        ),
        ({"body_format": "xml", "body": "<a>{{text}}</a>", "charset": "utf-16be"}, "charset", "bad_choice"),
        ({"body_format": "json", "body": '{"t": {{text}}}', "text_encoding_gsm": "utf16be"}, "body", "cannot_be_built"),
        ({**FORM, "rules": ["body contains"]}, "rules", "bad_template"),
        ({**FORM, "rules": ["body regex ( -> success"]}, "rules", "bad_template"),
        ({**FORM, "rules": ["body contains x -> perfect"]}, "rules", "bad_template"),
        ({**FORM, "ok_statuses": "200-"}, "ok_statuses", "bad_template"),
        ({**FORM, "ok_statuses": "99"}, "ok_statuses", "bad_template"),
        ({**FORM, "id_from": "regex:no group"}, "id_from", "bad_template"),
        ({**FORM, "id_from": "json:[x"}, "id_from", "bad_template"),
        ({**FORM, "number_rewrite": ["x"]}, "number_rewrite", "bad_template"),
        ({**FORM, "number_rewrite": [r"/(a)/\2/"]}, "number_rewrite", "bad_template"),
        ({**FORM, "status_map": ["7 = happy"]}, "status_map", "bad_template"),
        ({**FORM, "sender_allowed": "("}, "sender_allowed", "bad_template"),
        ({**FORM, "message_template": "no text"}, "message_template", "no_text"),
        ({**FORM, "on_read_timeout": "retry"}, "on_read_timeout", "needs_idempotent"),
        ({**FORM, "idempotent": True}, "idempotent", "needs_ref"),
        ({**FORM, "max_recipients": 5}, "max_recipients", "no_list"),
        ({**FORM, "item_template": "x"}, "item_template", "items_mismatch"),
        ({**FORM, "auth": "basic"}, "username", "required"),
        ({**FORM, "auth": "hmac"}, "secret_1", "required"),
        ({"body": "t={{token}}"}, "auth", "no_token"),
        ({**FORM, "poll_url": URL + "?id={{text}}"}, "poll_url", "bad_template"),
        ({**FORM, "balance_url": URL, "balance_body": "a=1"}, "balance_method", "body_with_get"),
        ({**FORM, "dlr_time_zone": "Mars/Base"}, "dlr_time_zone", "bad_template"),
        ({**FORM, "mo_time_format": "soon"}, "mo_time_format", "bad_template"),
        ({**FORM, "mo_methods": "DELETE"}, "mo_methods", "bad_choice"),
        ({**FORM, "dlr_reply_body": "{{text}}"}, "dlr_reply_body", "bad_template"),
        ({**FORM, "mo_from": "/a/b["}, "mo_from", "bad_template"),
    ],
)
def test_saving_refuses(values: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(FieldError) as fault:
        settings(**values)
    assert (fault.value.field, fault.value.code) == (field, code)
    assert "hush" not in fault.value.words


def test_the_remedy_of_a_readable_secret_names_the_placeholder() -> None:
    with pytest.raises(FieldError, match=r"authorization: Basic \{\{secret_1\}\}"):
        settings(**FORM, headers=["Authorization: Basic dTpw"])


def test_a_login_in_the_url_moves_to_basic() -> None:
    cleaned, _ = clean(generic_http.manifest.fields, {**FORM, "url": "https://us%40er:p%3Aw@x.example/send"})
    kept, notices = generic_http.prepared(cleaned)
    assert (kept["url"], kept["auth"]) == ("https://x.example/send", "basic")
    assert (kept["username"], kept["password"]) == ("us@er", "p:w")
    assert "Url: the login was moved to the Basic sign-in." in notices


def test_entities_of_a_pasted_address_are_decoded_with_a_notice() -> None:
    values = {"url": URL + "?a=1&amp;b=2", "body": "to={{to}}&amp;text={{text}}", "query": ["c=1&amp;2"]}
    kept, notices = generic_http.prepared(clean(generic_http.manifest.fields, values)[0])
    assert (kept["url"], kept["body"], kept["query"]) == (URL + "?a=1&b=2", "to={{to}}&text={{text}}", ("c=1&2",))
    assert sum("&amp;" in notice for notice in notices) == 3


def test_entities_in_xml_stay() -> None:
    assert settings(body_format="xml", body="<a>&amp;{{text}}</a>")["body"] == "<a>&amp;{{text}}</a>"


def test_missing_success_rules_and_plain_http_are_pointed_out() -> None:
    _, notices = generic_http.prepared(settings(**{**FORM, "url": "http://x.example/send"}))
    assert len(notices) == 2
    _, notices = generic_http.prepared(settings(**FORM, success_text="OK"))
    assert notices == ()


def test_raw_is_taken_once_confirmed() -> None:
    assert settings(body="t={{text|raw}}", confirm_raw=True)["body"] == "t={{text|raw}}"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.slug)
def test_a_preset_fits_the_fields_and_renders(preset: Any) -> None:
    credentials = {"username": "user", "password": "hush-1", "api_key": "hush-2"}
    address = str(preset.settings["url"]).replace("HOST", "sms.example") or URL
    query = preset.settings.get("query") or ["u={{username}}", "to={{to}}", "m={{text}}"]
    more = {"query": query} if preset.settings["method"] == "GET" else {}
    kept = settings(**{**preset.settings, **credentials, **more, "url": address})
    made = generic_http.preview(kept)
    assert made.url.startswith(address)
    shown = repr((made.url, made.headers, made.body))
    assert "hush" not in shown
    assert "48600100200" in shown


def test_a_preset_travels_without_credentials() -> None:
    kept = settings(**FORM, username="me", password="hush", proxy_username="p", success_text="OK", max_recipients=1)
    exported = generic_http.export_preset(kept)
    assert exported == {
        "format": "gatepost-http-preset",
        "version": 1,
        "settings": {"url": URL, "body": FORM["body"], "success_text": "OK"},
    }
    assert generic_http.import_preset(exported) == exported["settings"]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"format": "other", "version": 1, "settings": {}},
        {"format": "gatepost-http-preset", "version": 2, "settings": {}},
        {"format": "gatepost-http-preset", "version": 1, "settings": {"password": "x"}},
        {"format": "gatepost-http-preset", "version": 1, "settings": {"nope": "x"}},
        {"format": "gatepost-http-preset", "version": 1, "settings": {"method": "BREW"}},
    ],
)
def test_a_bad_preset_file_is_refused(data: Any) -> None:
    with pytest.raises(FieldError):
        generic_http.import_preset(data)


@pytest.mark.parametrize(
    ("values", "name", "wanted"),
    [
        (FORM, "batch", None),
        (FORM, "dedupe", None),
        (FORM, "receipts", ()),
        (FORM, "inbound", ()),
        (FORM, "schedules", False),
        (FORM, "callback_auth", "token"),
        ({"body": "to={{to_list}}&text={{text}}", "max_recipients": 50}, "batch", ("text",)),
        ({"body": "m={{items}}", "item_template": "{{to}} {{text}}", "max_recipients": 50}, "batch", ()),
        (
            {"body": "m={{items}}&f={{from}}&c={{coding}}", "item_template": "{{text}}", "max_recipients": 50},
            "batch",
            ("sender", "encoding"),
        ),
        (
            {"body": "r={{ref}}", "idempotent": True, "on_read_timeout": "retry", "idempotent_hours": 2},
            "dedupe",
            Dedupe("message", 7200, "same"),
        ),
        ({"body": "r={{ref}}", "idempotent": True}, "dedupe", None),
        ({**FORM, "dlr_enabled": True, "poll_url": URL}, "receipts", ("push", "query")),
        ({**FORM, "mo_enabled": True}, "inbound", ("sms",)),
        ({**FORM, "mo_enabled": True, "mo_media": "m"}, "inbound", ("sms", "mms")),
        ({**FORM, "mo_poll_url": URL, "mo_poll_every_s": 30}, "feeds", (Feed("inbound", 30.0),)),
        ({"body": "t={{send_at_iso}}"}, "schedules", True),
        ({**FORM, "unprocessed_statuses": "503,505-506"}, "unprocessed_statuses", (503, 505, 506)),
        (
            {**FORM, "callback_auth": "header", "callback_header": "X-S", "callback_secret": "s"},
            "callback_auth",
            "signature",
        ),
    ],
)
def test_capabilities_follow_from_the_settings(values: dict[str, Any], name: str, wanted: Any) -> None:
    found = getattr(provider("generic_http").manifest_for(settings(**values)), name)
    if isinstance(found, Batch):
        assert (found.limit, found.unique_number) == (50, True)
        found = found.same
    assert found == wanted


def test_another_provider_may_take_the_fields_with_its_own_defaults() -> None:
    own = {field.name: field for field in fields({"method": "GET"}, {"username": {"label": "Login", "required": True}})}
    assert own["method"].default == "GET"
    assert (own["username"].title, own["username"].required) == ("Login", True)
    with pytest.raises(KeyError):
        fields({"no_such_setting": 1})


def test_without_transport_settings_the_gateways_own_way_stands() -> None:
    assert generic_http.preview(settings(**FORM)).link is None


def test_transport_settings_become_the_way() -> None:
    pem = "-----BEGIN X-----\nAA\n-----END X-----"
    link = generic_http.preview(
        settings(
            **FORM,
            connect_timeout_s=2,
            read_timeout_s=8,
            max_response_bytes=1000,
            ca_pem=pem,
            client_cert_pem=pem,
            client_key_pem=pem,
            proxy_url="http://proxy.example:3128",
            proxy_username="us:er",
            proxy_password="p@ss",
        )
    ).link
    assert link is not None
    assert (link.connect_timeout_s, link.total_timeout_s, link.max_bytes) == (2.0, 10.0, 1000)
    assert link.proxy_url == "http://us%3Aer:p%40ss@proxy.example:3128"
    assert link.identity is not None
    assert link.ca_pem.startswith("-----BEGIN")


def test_kannel_gets_its_own_codes_inside_our_report_url() -> None:
    kannel = next(preset for preset in PRESETS if preset.slug == "kannel")
    address = str(kannel.settings["url"]).replace("HOST", "127.0.0.1")
    kept = settings(**{**kannel.settings, "url": address, "username": "tester", "password": "foobar"})
    made = generic_http.preview(kept)
    assert made.method == "GET"
    assert made.body == b""
    assert made.url == (
        "http://127.0.0.1:13013/cgi-bin/sendsms?username=tester&password=********&from=Sample&to=%2B48600100200"
        "&text=He+said+%22hi%22+%26+left%0ABye+100%25&charset=UTF-8&coding=0&dlr-mask=31"
        "&dlr-url=https%3A%2F%2Fgateway.example%2Freceipt%3Fref%3Da1b2c3%26status%3D%25d%26err%3D%25A"
    ).replace("********", "%2A" * 8)
