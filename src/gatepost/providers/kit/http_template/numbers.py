"""How the recipient's number is written: format, then the operator's rewrites."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.providers.kit.http_template.limited import compiled, replaced
from gatepost.providers.kit.http_template.template import TemplateFault
from gatepost.sms.msisdn import InvalidNumber, Style, format_number
from gatepost.sms.outcomes import Refusal

STYLES: Mapping[str, Style] = {"plus": "plus", "digits": "digits", "00": "00", "national": "national"}


def formatted(digits: str, style: Style) -> str:
    """E.164 digits in that style; a number without a known country code has no national form."""
    try:
        return format_number(digits, style)
    except InvalidNumber as fault:
        raise Unrenderable(Refusal.BAD_RECIPIENT, fault.sentence) from None


def recipient(digits: str, settings: Mapping[str, Any]) -> str:
    """What `{{to}}` gives."""
    number = formatted(digits, STYLES[settings.get("number_format") or "plus"])
    return rewritten(number, settings.get("number_rewrite") or ())


def rewritten(number: str, rules: Sequence[str]) -> str:
    """The number after all `/pattern/replacement/` rules, in order."""
    for rule in rules:
        pattern, replacement = rewrite_rule(rule)
        number = replaced(pattern, replacement, number)
    return number


@lru_cache(maxsize=256)
def rewrite_rule(rule: str) -> tuple[str, str]:
    """(pattern, replacement) of `/pattern/replacement/`; the pattern may hold slashes. Raises TemplateFault."""
    if len(rule) < 4 or not rule.startswith("/") or not rule.endswith("/") or "/" not in rule[1:-1]:
        raise TemplateFault("Write a rewrite as /pattern/replacement/, such as /\\+/00/.")
    pattern, _, replacement = rule[1:-1].rpartition("/")
    if not pattern:
        raise TemplateFault("A rewrite needs a pattern: /pattern/replacement/.")
    groups = compiled(pattern).groups
    if any(int(group) > groups for group in re.findall(r"\\([0-9]+)", replacement)) or "\\g" in replacement:
        raise TemplateFault("The replacement names a group that its pattern does not have.")
    return pattern, replacement
