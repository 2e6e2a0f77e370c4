"""Settings checked as a whole when they are saved: whatever a message could stumble over is found here, with a remedy.

Amended on the way: `&amp;` in pasted addresses, and a login in the URL, which moves to Basic.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from gatepost.providers.fields import FieldError
from gatepost.providers.kit.http_template import checks
from gatepost.providers.kit.http_template.scope import ACK_NAMES, FEED_NAMES, PLAIN_NAMES, POLL_NAMES, SEND_NAMES
from gatepost.providers.kit.http_template.signing import NEEDED, TOKEN_AUTHS

URLS = ("url", "unicode_url", "token_url", "poll_url", "mo_poll_url", "mo_ack_url", "balance_url")
BODIES = ("token_body", "poll_body", "mo_poll_body", "mo_ack_body", "balance_body")

_LOGIN = re.compile(r"(?P<scheme>https?://)(?P<login>[^/?#@{}]*)@", re.IGNORECASE)

Settings = dict[str, Any]


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings as they are kept. Raises FieldError for the first fault."""
    return prepared(settings)[0]


def prepared(settings: Mapping[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    """The settings as they are kept, and what the operator should know: what was amended, what looks unwise."""
    kept: Settings = dict(settings)
    notices: list[str] = []
    for name in (*URLS, "query", "body", "unicode_body"):
        _decode_entities(kept, name, notices)
    for name in URLS:
        _move_login(kept, name, notices)
    for check in _CHECKS:
        check(kept)
    return kept, (*notices, *_advice(kept))


def _decode_entities(kept: Settings, name: str, notices: list[str]) -> None:
    """`&amp;` of a copied web page stands for `&` in addresses and forms; in JSON and XML it may be meant."""
    value = kept.get(name)
    if name.endswith("body") and kept.get("body_format") != "form":
        return
    if isinstance(value, str) and "&amp;" in value:
        kept[name] = value.replace("&amp;", "&")
    elif isinstance(value, list | tuple) and any("&amp;" in line for line in value):
        kept[name] = tuple(line.replace("&amp;", "&") for line in value)
    else:
        return
    notices.append(f"{checks.title(name)}: &amp; was read as &.")


def _move_login(kept: Settings, name: str, notices: list[str]) -> None:
    match = _LOGIN.match(str(kept.get(name) or ""))
    if match is None:
        return
    login, _, password = match["login"].partition(":")
    has_other = kept.get("auth") not in (None, "none", "basic") or kept.get("username") not in (
        None,
        "",
        unquote(login),
    )
    if has_other:
        raise FieldError(
            name,
            "credentials_in_url",
            f"{checks.title(name)}: take login and password out of the address; the sign-in has its own.",
        )
    kept[name] = kept[name].replace(match[0], match["scheme"], 1)
    kept |= {"auth": "basic", "username": unquote(login), "password": unquote(password) or kept.get("password")}
    notices.append(f"{checks.title(name)}: the login was moved to the Basic sign-in.")


def _sending(kept: Settings) -> None:
    checks.method_and_body(kept)
    for name in ("url", "unicode_url"):
        checks.url(kept, name, SEND_NAMES)
    for name in ("body", "unicode_body"):
        checks.body(kept, name, str(kept.get("body_format") or "none"), SEND_NAMES)
    checks.items(kept)
    checks.lines(kept, "query", checks.query_line)
    checks.lines(kept, "headers", checks.header_line)
    checks.template(kept, "message_template", frozenset(("text", "sender", "to", "ref", "id")))
    if "text" not in checks.used(kept, "message_template"):
        raise FieldError("message_template", "no_text", "Message template: it has to hold {{text}}.")


def _sign_in(kept: Settings) -> None:
    auth = str(kept.get("auth") or "none")
    for name in NEEDED.get(auth, ()):
        if not kept.get(name):
            raise FieldError(name, "required", f"{checks.title(name)} is needed for this sign-in.")
    if auth not in TOKEN_AUTHS and "token" in checks.used(kept, "url", "body", "unicode_body", "headers", "query"):
        raise FieldError(
            "auth", "no_token", "{{token}} needs a sign-in that fetches one: choose it, or remove {{token}}."
        )
    if auth in TOKEN_AUTHS:
        checks.url(kept, "token_url", PLAIN_NAMES - {"token"})
        checks.small_body(kept, "token_body", PLAIN_NAMES - {"token"})
        for name in ("token_path", "token_ttl_path"):
            checks.lookup(kept, name)
    if auth == "hmac":
        checks.template(kept, "hmac_input", checks.SIGNED)
        checks.hmac_header(kept)


def _asking(kept: Settings) -> None:
    for prefix, names in (
        ("poll", POLL_NAMES),
        ("mo_poll", FEED_NAMES),
        ("mo_ack", ACK_NAMES),
        ("balance", PLAIN_NAMES),
    ):
        checks.url(kept, f"{prefix}_url", names)
        checks.small_body(kept, f"{prefix}_body", names)
        if kept.get(f"{prefix}_body") and (kept.get(f"{prefix}_method") or "GET") == "GET":
            raise FieldError(
                f"{prefix}_method", "body_with_get", f"{checks.title(prefix)} method: a body needs POST or PUT."
            )
    checks.lines(kept, "poll_headers", checks.header_line_of(POLL_NAMES))
    checks.lookup(kept, "balance_field")


def _answer(kept: Settings) -> None:
    for name in ("ok_statuses", "unprocessed_statuses"):
        checks.statuses(kept, name)
    checks.lines(kept, "rules", checks.rule_line)
    for name in ("id_from", "parts_from", "price_from"):
        checks.lookup(kept, name)
    checks.lookup(kept, "result_items_path")
    for name in ("result_number_path", "result_id_path", "result_error_path"):
        checks.path(kept, name)
    for name in ("result_ok_rule", "mo_distinguish"):
        checks.condition(kept, name)


def _repeating(kept: Settings) -> None:
    if kept.get("on_read_timeout") == "retry" and not kept.get("idempotent"):
        raise FieldError(
            "on_read_timeout",
            "needs_idempotent",
            "Repeating after a time-out needs a provider that recognises a repeated reference: switch that on, or "
            "leave such messages unknown.",
        )
    sent = checks.used(kept, "url", "body", "headers", "query", "item_template")
    if kept.get("idempotent") and not sent & {"ref", "id"}:
        raise FieldError("idempotent", "needs_ref", "The provider can only recognise {{ref}} if a template sends it.")


def _receiving(kept: Settings) -> None:
    for name in ("number_rewrite", "status_map"):
        checks.lines(kept, name, checks.LINES[name])
    checks.pattern(kept, "sender_allowed")
    for prefix in ("dlr", "mo"):
        checks.time_settings(kept, prefix)
        checks.template(kept, f"{prefix}_reply_body", frozenset(("id", "ref")))
        checks.methods(kept, f"{prefix}_methods")
    for name in checks.PATHS:
        checks.path(kept, name)


_CHECKS: tuple[Callable[[Settings], None], ...] = (
    _sending,
    _sign_in,
    _asking,
    _answer,
    _repeating,
    _receiving,
    checks.samples,
)


def _advice(kept: Settings) -> list[str]:
    """What works and is still unwise."""
    advice = []
    has_success = any("-> success" in line for line in kept.get("rules") or ())
    if (
        not (has_success or kept.get("success_text") or kept.get("result_ok_rule"))
        and kept.get("no_match") != "unknown"
    ):
        advice.append("No success rule is set: many providers answer 200 with an error in the text.")
    if urlsplit(str(kept.get("url") or "")).scheme == "http":
        advice.append("The address is plain http: texts and credentials travel unencrypted.")
    if kept.get("confirm_raw"):
        advice.append("Raw values are allowed: a text can change the request.")
    return advice
