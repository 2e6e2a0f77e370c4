"""Form bodies, queries and multipart bodies: `name=value&name=value`, split before anything is put in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from gatepost.providers.kit.http_template.escape import RESERVED, Value, as_typed, percent, to_bytes
from gatepost.providers.kit.http_template.scope import Scope
from gatepost.providers.kit.http_template.template import (
    Placeholder,
    Template,
    Token,
    parse,
    placeholders,
    split_literals,
)

_RAW_SAFE = RESERVED + "{}|\\^`"
_PART_NAME = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class Pair:
    """`value` is None where there is no "=" (a lone word, or `{{items}}`). `is_optional`: may be left out.

    `literal` and `placeholder`: name and value of a pair like `to={{to}}`, as most are.
    """

    name: Template
    value: Template | None
    is_items: bool = field(init=False)
    is_optional: bool = field(init=False)
    literal: str = field(init=False, default="")
    placeholder: Placeholder | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        is_items = self.value is None and len(self.name) == 1 and _is_items(self.name[0])
        object.__setattr__(self, "is_items", is_items)
        object.__setattr__(self, "is_optional", self.value is not None and is_optional(self.value))
        if self.value and len(self.name) == len(self.value) == 1:
            name, value = self.name[0], self.value[0]
            if isinstance(name, str) and isinstance(value, Placeholder) and not value.is_raw and not _is_items(value):
                object.__setattr__(self, "literal", name)
                object.__setattr__(self, "placeholder", value)


@lru_cache(maxsize=1024)
def compile_pairs(text: str) -> tuple[Pair, ...]:
    """The pairs of a template; line breaks between pairs are only layout. Raises TemplateFault."""
    return pairs_of(parse(text))


def pairs_of(template: Template) -> tuple[Pair, ...]:
    pairs = []
    for piece in split_literals(template, "&"):
        trimmed = _trimmed(piece)
        if trimmed:
            name, *value = split_literals(trimmed, "=", 1)
            pairs.append(Pair(name, value[0] if value else None))
    return tuple(pairs)


def render(pairs: Iterable[Pair], scope: Scope, *, is_plus: bool) -> str:
    """The pairs percent-encoded and joined; optional pairs without a value are left out."""
    parts = []
    for pair in pairs:
        if pair.placeholder is not None:
            value = scope.value(pair.placeholder)
            if value or not pair.is_optional:
                shown = percent(value, scope.charset_of(pair.placeholder), is_plus=is_plus)
                parts.append(f"{as_typed(pair.literal, scope.charset)}={shown}")
        elif pair.is_items:
            item_pairs = compile_pairs(scope.text("item_template"))
            parts += [render(item_pairs, one, is_plus=is_plus) for one in scope.each()]
        elif pair.value is None:
            parts.append(encoded(pair.name, scope, is_plus=is_plus))
        elif not (pair.is_optional and is_left_out(pair.value, scope)):
            name = encoded(pair.name, scope, is_plus=is_plus)
            parts.append(f"{name}={encoded(pair.value, scope, is_plus=is_plus)}")
    return "&".join(part for part in parts if part)


def is_left_out(value: Template, scope: Scope) -> bool:
    """Whether the value is nothing but optional placeholders, and all of them are empty."""
    return is_optional(value) and not any(scope.value(token) for token in placeholders(value))


def is_optional(value: Template) -> bool:
    """Whether the value is nothing but optional placeholders."""
    return bool(value) and all(isinstance(token, Placeholder) and token.is_optional for token in value)


def encoded(template: Template, scope: Scope, *, is_plus: bool) -> str:
    """Literals as typed, values percent-encoded in the charset."""
    if len(template) == 1:
        return _encoded(template[0], scope, is_plus)
    return "".join(_encoded(token, scope, is_plus) for token in template)


def _encoded(token: Token, scope: Scope, is_plus: bool) -> str:
    if isinstance(token, str):
        return as_typed(token, scope.charset)
    if _is_items(token):
        return percent(items_text(scope), scope.charset, is_plus=is_plus)
    value = scope.value(token)
    if token.is_raw:
        return quote(to_bytes(value, scope.charset_of(token)), safe=_RAW_SAFE)
    return percent(value, scope.charset_of(token), is_plus=is_plus)


def items_text(scope: Scope) -> str:
    """`{{items}}` where characters are wanted: the item template per message, joined by the recipient separator."""
    return scope.separator().join(plain(parse(scope.text("item_template")), one) for one in scope.each())


def plain(template: Template, scope: Scope) -> str:
    """Literals and values as they are; for places without an escape of their own."""
    return to_bytes_of(template, scope, "utf-8").decode()


def to_bytes_of(template: Template, scope: Scope, charset: str) -> bytes:
    """Literals and values in `charset`, nothing escaped."""
    parts = []
    for token in template:
        if isinstance(token, str):
            value: Value = token
        else:
            value = items_text(scope) if _is_items(token) else scope.value(token)
        parts.append(to_bytes(value, charset))
    return b"".join(parts)


def multipart(pairs: Iterable[Pair], scope: Scope, boundary: str) -> bytes:
    """multipart/form-data: each pair is a part without a file name."""
    body = b""
    for pair in pairs:
        if pair.value is None or is_left_out(pair.value, scope):
            continue
        name = plain(pair.name, scope).translate(_PART_NAME)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        body += head.encode() + to_bytes_of(pair.value, scope, scope.charset) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def _is_items(token: Token) -> bool:
    return isinstance(token, Placeholder) and token.name == "items"


def _trimmed(template: Template) -> Template:
    tokens = list(template)
    if tokens and isinstance(tokens[0], str):
        tokens[0] = tokens[0].lstrip()
    if tokens and isinstance(tokens[-1], str):
        tokens[-1] = tokens[-1].rstrip()
    return tuple(token for token in tokens if token)
