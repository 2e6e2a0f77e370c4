"""The fields of a provider's settings: one declaration makes the form, its validation, the API schema, the docs and
the masking."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

_ACRONYMS = {word.lower(): word for word in ("API", "CA", "HTTP", "ID", "IP", "MD5", "SID", "SMS", "TLS", "TTL", "URL")}

FieldKind = Literal["text", "long_text", "secret", "url", "choice", "flag", "number", "pem", "lines", "json"]


class FieldError(ValueError):
    """A value that does not fit its field; `code` is stable, the text says what to do. Never holds the value."""

    def __init__(self, field: str, code: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting. Use the constructor functions below; they read like the table in a provider's sheet.

    `secret`: encrypted, write-only, masked. `identifier`: shown in the gateways table, tells accounts apart.
    `when`: (other field, value or values): shown and required only then. `group`: heading in the form.
    `confidence` "unverified" marks a fact that the sheet could not prove; the form and the docs say so.
    """

    kind: FieldKind
    name: str
    label: str = ""
    help: str = ""
    default: Any = None
    required: bool = False
    secret: bool = False
    identifier: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    pattern: str = ""
    pattern_words: str = ""
    min: int | None = None
    max: int | None = None
    max_length: int = 500
    schemes: tuple[str, ...] = ("https",)
    md5: bool = False
    when: tuple[str, str | bool | tuple[str, ...]] | None = None
    group: str = "Account"
    confidence: Literal["verified", "unverified"] = "verified"

    @property
    def title(self) -> str:
        words = [_ACRONYMS.get(word, word) for word in self.name.split("_")]
        return self.label or " ".join((words[0].capitalize() if words[0].islower() else words[0], *words[1:]))

    def applies(self, values: Mapping[str, Any]) -> bool:
        if self.when is None:
            return True
        name, wanted = self.when
        value = values.get(name)
        return value in wanted if isinstance(wanted, tuple) else value == wanted

    def clean(self, value: Any) -> Any:
        """The value as it is stored. Empty becomes the default; raises FieldError with a stable code."""
        if value is None or value == "":
            return self.default
        return _CLEANERS[self.kind](self, value)


def Text(name: str, **kw: Any) -> Field:
    return Field(kind="text", name=name, **kw)


def LongText(name: str, **kw: Any) -> Field:
    return Field(kind="long_text", name=name, **{"max_length": 20_000, **kw})


def Secret(name: str, **kw: Any) -> Field:
    return Field(kind="secret", name=name, secret=True, **kw)


def Md5(name: str, **kw: Any) -> Field:
    """A password that is kept as its MD5: 32 hex digits are taken as they are, anything else is hashed first."""
    return Field(kind="secret", name=name, secret=True, md5=True, **kw)


def Url(name: str, **kw: Any) -> Field:
    return Field(kind="url", name=name, **kw)


def Choice(name: str, *choices: tuple[str, str] | str, **kw: Any) -> Field:
    pairs = tuple((c, c) if isinstance(c, str) else c for c in choices)
    return Field(kind="choice", name=name, choices=pairs, **{"default": pairs[0][0], **kw})


def Flag(name: str, **kw: Any) -> Field:
    return Field(kind="flag", name=name, **{"default": False, **kw})


def Number(name: str, **kw: Any) -> Field:
    return Field(kind="number", name=name, **kw)


def Pem(name: str, **kw: Any) -> Field:
    """A PEM certificate, with its private key where `secret`; parsed when saved."""
    return Field(kind="pem", name=name, **{"max_length": 20_000, **kw})


def Lines(name: str, **kw: Any) -> Field:
    """A list of texts, one per line."""
    return Field(kind="lines", name=name, **{"default": (), "max_length": 20_000, **kw})


def Json(name: str, **kw: Any) -> Field:
    """A structured value (list or object) that the adapter itself validates."""
    return Field(kind="json", name=name, **{"max_length": 50_000, **kw})


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise FieldError(field.name, "not_text", f"{field.title}: write text.")
    text = value.strip() if field.kind != "long_text" else value.replace("\r\n", "\n")
    if len(text) > field.max_length:
        raise FieldError(field.name, "too_long", f"{field.title}: at most {field.max_length} characters.")
    if "\x00" in text or (field.kind in ("text", "url", "secret") and ("\r" in text or "\n" in text)):
        raise FieldError(field.name, "bad_characters", f"{field.title}: line breaks and NUL are not allowed.")
    if field.pattern and not re.fullmatch(field.pattern, text):
        raise FieldError(
            field.name, "bad_format", f"{field.title}: {field.pattern_words or 'this does not look right.'}"
        )
    return text


def _secret(field: Field, value: Any) -> str:
    text = _text(field, value)
    if field.md5 and not re.fullmatch(r"[0-9a-fA-F]{32}", text):
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return text.lower() if field.md5 else text


def _url(field: Field, value: Any) -> str:
    text = _text(field, value)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise FieldError(field.name, "bad_url", f"{field.title}: this is not a URL.") from None
    if parts.scheme not in field.schemes or not host:
        allowed = " or ".join(f"{scheme}://" for scheme in field.schemes)
        plain = "; http:// only to what GATEPOST_EGRESS_ALLOW names" if parts.scheme == "http" else ""
        raise FieldError(
            field.name, "bad_url", f"{field.title}: write a full address that starts with {allowed}{plain}."
        )
    if parts.username or parts.password:
        raise FieldError(
            field.name,
            "credentials_in_url",
            f"{field.title}: put login and password into their own fields, not the URL.",
        )
    return text.rstrip("/")


def _choice(field: Field, value: Any) -> str:
    if value not in {key for key, _ in field.choices}:
        raise FieldError(
            field.name, "bad_choice", f"{field.title}: choose one of {', '.join(key for key, _ in field.choices)}."
        )
    return str(value)


def _flag(field: Field, value: Any) -> bool:
    if value in (True, "true", "on", "1", 1):
        return True
    if value in (False, "false", "off", "0", 0):
        return False
    raise FieldError(field.name, "not_flag", f"{field.title}: true or false.")


def _number(field: Field, value: Any) -> int:
    try:
        number = int(str(value).strip()) if not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None:
        raise FieldError(field.name, "not_number", f"{field.title}: write a whole number.")
    if (field.min is not None and number < field.min) or (field.max is not None and number > field.max):
        low, high = field.min if field.min is not None else "any", field.max if field.max is not None else "any"
        raise FieldError(field.name, "out_of_range", f"{field.title}: between {low} and {high}.")
    return number


def _pem(field: Field, value: Any) -> str:
    text = str(value).strip().replace("\r\n", "\n") if isinstance(value, str) else ""
    if len(text) > field.max_length or "-----BEGIN " not in text or "\x00" in text:
        raise FieldError(
            field.name,
            "bad_pem",
            f"{field.title}: paste the whole block with its -----BEGIN ...----- and -----END ...----- lines.",
        )
    return text + "\n"


def _lines(field: Field, value: Any) -> tuple[str, ...]:
    parts = value.splitlines() if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise FieldError(field.name, "not_lines", f"{field.title}: one value per line.")
    line = Field(
        kind="text", name=field.name, label=field.title, pattern=field.pattern, pattern_words=field.pattern_words
    )
    return tuple(_text(line, part) for part in parts if part.strip())


def _json(field: Field, value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > field.max_length:
            raise FieldError(field.name, "too_long", f"{field.title}: at most {field.max_length} characters.")
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise FieldError(field.name, "bad_json", f"{field.title}: this is not valid JSON.") from None
    return value


_CLEANERS = {
    "text": _text,
    "long_text": _text,
    "secret": _secret,
    "url": _url,
    "choice": _choice,
    "flag": _flag,
    "number": _number,
    "pem": _pem,
    "lines": _lines,
    "json": _json,
}


def clean(fields: tuple[Field, ...], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """Every value cleaned, and every fault found. Unknown names are faults: a typing error must not vanish."""
    known = {field.name for field in fields}
    faults = [
        FieldError(name, "unknown_field", f"There is no setting {name!r}.") for name in values if name not in known
    ]
    cleaned: dict[str, Any] = {}
    for field in fields:
        try:
            cleaned[field.name] = field.clean(values.get(field.name))
        except FieldError as fault:
            faults.append(fault)
    at_fault = {fault.field for fault in faults}
    faults += [
        FieldError(field.name, "required", f"{field.title} is needed.")
        for field in fields
        if field.required
        and field.name not in at_fault
        and field.applies(cleaned)
        and cleaned[field.name] in (None, "", ())
    ]
    return cleaned, faults
