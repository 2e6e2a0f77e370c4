"""What may follow a placeholder's name: `{{text|translit|cut:160}}`. Applied left to right, before escaping."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

from gatepost.providers.kit import xml
from gatepost.providers.kit.http_template.escape import Unrenderable, Value, to_bytes, to_str
from gatepost.providers.kit.http_template.template import Modifier, TemplateFault
from gatepost.providers.kit.signatures import hash_hex, hmac_sign
from gatepost.sms.outcomes import Refusal
from gatepost.sms.text import InvalidText, transliterate

KEYS = ("password", "api_key", "secret_1", "secret_2", "secret_3")
FALSE = ("", "0", "false")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a modifier may look at besides the value: the charset, and the secrets as keys."""

    charset: str
    settings: Mapping[str, Any]


Apply = Callable[[Value, str, Setting], Value]


def apply(value: Value, modifiers: tuple[Modifier, ...], setting: Setting) -> Value:
    """The value after all modifiers. Raises TemplateFault for an unknown one."""
    for modifier in modifiers:
        value = _found(modifier)(value, modifier.argument, setting)
    return value


def check(modifier: Modifier) -> None:
    """Raise TemplateFault unless the modifier exists and has the argument that it needs."""
    _found(modifier)
    if modifier.name == "cut" and not modifier.argument.isdigit():
        raise TemplateFault("cut needs a number of characters, such as cut:160.")
    if modifier.name == "if" and ":" not in modifier.argument:
        raise TemplateFault("if needs two values, such as if:yes:no.")
    if modifier.name == "hmac_sha256" and modifier.argument not in KEYS:
        raise TemplateFault(f"hmac_sha256 needs the name of its key: {', '.join(KEYS)}.")


def _found(modifier: Modifier) -> Apply:
    try:
        return MODIFIERS[modifier.name]
    except KeyError:
        raise TemplateFault(
            f"There is no modifier {modifier.name!r}; there are {', '.join(sorted(MODIFIERS))}."
        ) from None


def _on_text(change: Callable[[str], str]) -> Apply:
    return lambda value, _argument, _setting: change(to_str(value, "this modifier"))


def _on_bytes(change: Callable[[bytes], str]) -> Apply:
    return lambda value, _argument, setting: change(to_bytes(value, setting.charset))


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _translit(text: str) -> str:
    try:
        return transliterate(text)
    except InvalidText as fault:
        raise Unrenderable(Refusal.BAD_CONTENT, fault.sentence) from None


def _if(value: Value, argument: str, _setting: Setting) -> Value:
    when_true, _, otherwise = argument.partition(":")
    return otherwise if value in FALSE else when_true


def _hmac(value: Value, key_name: str, setting: Setting) -> Value:
    return hmac_sign(str(setting.settings.get(key_name) or ""), to_bytes(value, setting.charset))


def _cut(value: Value, count: str, _setting: Setting) -> Value:
    return value[: int(count)]


MODIFIERS: Mapping[str, Apply] = {
    "url": _on_bytes(lambda data: quote_from_bytes(data, safe="")),
    "raw": lambda value, _argument, _setting: value,
    "json": _on_text(_json),
    "xml": _on_text(xml.escape),
    "hex": _on_bytes(lambda data: data.hex().upper()),
    "hex_utf16be": _on_text(lambda text: to_bytes(text, "utf-16-be").hex().upper()),
    "b64": _on_bytes(lambda data: base64.b64encode(data).decode()),
    "upper": _on_text(str.upper),
    "lower": _on_text(str.lower),
    "md5": _on_bytes(hash_hex),
    "sha1": _on_bytes(lambda data: hash_hex(data, "sha1")),
    "sha256": _on_bytes(lambda data: hashlib.sha256(data).hexdigest()),
    "hmac_sha256": _hmac,
    "digits": _on_text(lambda text: re.sub(r"[^0-9]", "", text)),
    "translit": _on_text(_translit),
    "cut": _cut,
    "len": lambda value, _argument, _setting: str(len(value)),
    "if": _if,
    "default": lambda value, argument, _setting: value or argument,
}
