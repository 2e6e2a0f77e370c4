"""One check per kind of setting; each raises FieldError that names the setting and says what to change."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.fields import FieldError
from gatepost.providers.kit.http_template import json_body, modifiers, request, scope, sending, xml_body
from gatepost.providers.kit.http_template.documents import json_steps, xpath
from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.providers.kit.http_template.limited import compiled
from gatepost.providers.kit.http_template.lookups import lookup as read_lookup
from gatepost.providers.kit.http_template.lookups import one_group
from gatepost.providers.kit.http_template.numbers import rewrite_rule, rewritten
from gatepost.providers.kit.http_template.pairs import Pair, compile_pairs
from gatepost.providers.kit.http_template.receipts import status_map
from gatepost.providers.kit.http_template.rules import condition as read_condition
from gatepost.providers.kit.http_template.rules import rule
from gatepost.providers.kit.http_template.template import Placeholder, TemplateFault, parse, placeholders
from gatepost.providers.kit.http_template.template import names as names_in
from gatepost.providers.kit.http_template.times import check_pattern, zone_of
from gatepost.providers.kit.http_template.verdict import statuses as read_statuses
from gatepost.providers.kit.xml import read_xml
from gatepost.sms.outcomes import Refusal

SIGNED = scope.SIGNED_NAMES
PATHS = (
    *("dlr_items_path", "dlr_id", "dlr_ref", "dlr_status", "dlr_error", "dlr_number", "dlr_time"),
    *("mo_items_path", "mo_from", "mo_to", "mo_text", "mo_id", "mo_time", "mo_coding", "mo_media"),
    *("mo_part_ref", "mo_part_no", "mo_part_count", "mo_udh"),
)
BAD_CONTENT = "cannot_hold_text"
GUARDED = ("text", "to", "sender", "from_no_plus", "to_list", "items")

_SECRET_NAME = re.compile(
    r"authorization|cookie|x-auth.*|.*(pass(word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key)",
    re.IGNORECASE,
)

Settings = Mapping[str, Any]


def title(name: str) -> str:
    return name.replace("_", " ").capitalize()


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Faults of a template become faults of this setting."""
    try:
        yield
    except TemplateFault as fault:
        raise FieldError(name, "bad_template", f"{title(name)}: {fault.words}") from None
    except Unrenderable as fault:
        code = BAD_CONTENT if fault.refusal is Refusal.BAD_CONTENT else "cannot_be_built"
        raise FieldError(name, code, f"{title(name)}: {fault.words}") from None


def used(kept: Settings, *fields: str) -> set[str]:
    """The placeholder names in these settings."""
    found: set[str] = set()
    for field in fields:
        with _about(field):
            found |= names_in(*_texts(kept.get(field)))
    return found


def _texts(value: Any) -> list[str]:
    return [str(line) for line in value] if isinstance(value, list | tuple) else [str(value or "")]


def template(kept: Settings, name: str, allowed: frozenset[str]) -> None:
    with _about(name):
        _check_placeholders(placeholders(parse(str(kept.get(name) or ""))), allowed, kept)


def _check_placeholders(found: Iterable[Placeholder], allowed: frozenset[str], kept: Settings) -> None:
    for placeholder in found:
        if placeholder.name not in allowed:
            raise TemplateFault(
                f"There is no placeholder {{{{{placeholder.name}}}}} here; there are {', '.join(sorted(allowed))}."
            )
        for modifier in placeholder.modifiers:
            modifiers.check(modifier)
        if placeholder.is_raw and placeholder.name in GUARDED and not kept.get("confirm_raw"):
            raise TemplateFault(
                f"raw is refused for {{{{{placeholder.name}}}}}: a text could change the request. Leave it out, or "
                "confirm it."
            )


def url(kept: Settings, name: str, allowed: frozenset[str]) -> None:
    text = str(kept.get(name) or "")
    if not text:
        return
    template(kept, name, allowed)
    with _about(name):
        found = request.compile_url(text)
        if found.origin.partition("://")[2].partition(":")[0] == "HOST":
            raise TemplateFault("Write the name or address of your server in place of HOST.")
        _refuse_literal_secrets(found.pairs)


def method_and_body(kept: Settings) -> None:
    body_format = str(kept.get("body_format") or "none")
    if kept.get("method") == "GET" and body_format not in ("none", "form"):
        raise FieldError("method", "body_with_get", "Method: a body of this format needs POST, PUT or PATCH.")
    if body_format != "none" and not kept.get("body"):
        raise FieldError("body", "required", "Payload is needed for this body format.")
    if kept.get("charset") == "utf-16be" and body_format in ("xml", "multipart"):
        raise FieldError("charset", "bad_choice", "Charset: UTF-16 is for form, query and plain text.")


def body(kept: Settings, name: str, body_format: str, allowed: frozenset[str]) -> None:
    text = str(kept.get(name) or "")
    if not text or body_format == "none":
        return
    template(kept, name, allowed)
    with _about(name):
        if body_format in ("form", "multipart"):
            _refuse_literal_secrets(compile_pairs(text))
        elif body_format == "json":
            json_body.compile_json(text)
        elif body_format == "xml":
            xml_body.compile_xml(text.strip())
            declared = xml_body.declared_encoding(text)
            if declared and declared != str(kept.get("charset") or "utf-8"):
                raise TemplateFault(f"The declaration says {declared}: choose the same charset, or leave it out.")


def small_body(kept: Settings, name: str, allowed: frozenset[str]) -> None:
    body(kept, name, request.body_format_of(str(kept.get(name) or "")), allowed)


def items(kept: Settings) -> None:
    """`{{items}}` and its template belong together; several recipients need a list."""
    fields = ("url", "body", "unicode_url", "unicode_body", "query")
    has_items = "items" in used(kept, *fields)
    if has_items != bool(kept.get("item_template")):
        words = "Item template: {{items}} in the request and an item template belong together."
        raise FieldError("item_template", "items_mismatch", words)
    body_format = str(kept.get("body_format") or "form")
    body(kept, "item_template", body_format, scope.SEND_NAMES - {"items", "to_list"})
    if (kept.get("max_recipients") or 1) > 1 and not used(kept, *fields) & {"items", "to_list"}:
        words = "Recipients per request: more than one needs {{to_list}} or {{items}} in the request."
        raise FieldError("max_recipients", "no_list", words)


def lines(kept: Settings, name: str, check: Callable[[str, Settings], None]) -> None:
    for line in kept.get(name) or ():
        with _about(name):
            check(line, kept)


def query_line(line: str, kept: Settings) -> None:
    _check_placeholders(placeholders(parse(line)), scope.SEND_NAMES, kept)
    _refuse_literal_secrets(request.query_pair(line))


def header_line_of(allowed: frozenset[str]) -> Callable[[str, Settings], None]:
    def check(line: str, kept: Settings) -> None:
        name, value = request.header_line(line)
        tokens = parse(value)
        _check_placeholders(placeholders(tokens), allowed, kept)
        is_literal = not any(True for _ in placeholders(tokens))
        if _SECRET_NAME.fullmatch(name) and value and is_literal:
            raise TemplateFault(
                f"{name} would be kept readable. Put the value into Secret 1 and write "
                f"{name}: {'Basic ' if value.lower().startswith('basic ') else ''}{{{{secret_1}}}}."
            )

    return check


header_line = header_line_of(scope.SEND_NAMES | {"token"})


def _refuse_literal_secrets(pairs: Iterable[Pair]) -> None:
    for pair in pairs:
        name = "".join(token for token in pair.name if isinstance(token, str))
        is_literal = bool(pair.value) and all(isinstance(token, str) for token in pair.value or ())
        if is_literal and _SECRET_NAME.fullmatch(name):
            raise TemplateFault(
                f"{name} would be kept readable. Put the value into Password, API key or Secret 1 and write "
                f"{name}={{{{password}}}}, {{{{api_key}}}} or {{{{secret_1}}}}."
            )


def rule_line(line: str, _kept: Settings) -> None:
    rule(line)


def _rewrite_line(line: str, _kept: Settings) -> None:
    rewrite_rule(line)
    try:
        rewritten("+48600100200", [line])
    except MalformedAnswer:
        raise TemplateFault("The pattern takes too long on a phone number.") from None


def _status_line(line: str, _kept: Settings) -> None:
    status_map((line,))


LINES: Mapping[str, Callable[[str, Settings], None]] = {"number_rewrite": _rewrite_line, "status_map": _status_line}


def statuses(kept: Settings, name: str) -> None:
    with _about(name):
        read_statuses(str(kept.get(name) or ""))


def lookup(kept: Settings, name: str) -> None:
    if kept.get(name):
        with _about(name):
            one_group(read_lookup(str(kept[name])))


def condition(kept: Settings, name: str) -> None:
    if kept.get(name):
        with _about(name):
            read_condition(str(kept[name]))


def path(kept: Settings, name: str) -> None:
    text = re.sub(r"^(json|xml|form):", "", str(kept.get(name) or ""))
    if text:
        with _about(name):
            if text.startswith(("/", "./")):
                xpath(text, is_root=True)
            else:
                json_steps(text)


def pattern(kept: Settings, name: str) -> None:
    with _about(name):
        compiled(str(kept.get(name) or ""))


def methods(kept: Settings, name: str) -> None:
    listed = [method.strip().upper() for method in str(kept.get(name) or "GET").split(",")]
    if not listed or not set(listed) <= {"GET", "POST", "PUT"}:
        raise FieldError(name, "bad_choice", f"{title(name)}: any of GET, POST, PUT, with commas.")


def time_settings(kept: Settings, prefix: str) -> None:
    with _about(f"{prefix}_time_format"):
        check_pattern(str(kept.get(f"{prefix}_time_format") or ""))
    with _about(f"{prefix}_time_zone"):
        zone_of(str(kept.get(f"{prefix}_time_zone") or ""))


def hmac_header(kept: Settings) -> None:
    with _about("hmac_header"):
        text = str(kept.get("hmac_header") or "X-Signature")
        _, value = request.header_line(text if ":" in text else f"{text}:")
        _check_placeholders(placeholders(parse(value)), SIGNED | {"signature"}, kept)


def samples(kept: Settings) -> None:
    """Two sample messages are rendered: what can be built for them can be built for every text that the settings
    take. The one with a character beyond GSM-7 may be refused for its content."""
    open_settings = {**kept, "allowed_prefixes": "", "sender_allowed": "", "max_chars": None}
    is_xml = kept.get("body_format") == "xml"
    for message in (sending.SAMPLE, sending.SAMPLE_UNICODE):
        try:
            with _about("url" if kept.get("body_format") in (None, "none") else "body"):
                made = sending.rendered(open_settings, message)
        except FieldError as fault:
            if message is sending.SAMPLE or fault.code != BAD_CONTENT:
                raise
        else:
            if is_xml:
                _parse_xml(made.body)


def _parse_xml(data: bytes) -> None:
    try:
        read_xml(data)
    except MalformedAnswer:
        raise FieldError("body", "not_xml", "Body: with a sample message it is not well-formed XML.") from None
