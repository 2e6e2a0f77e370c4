"""What placeholders stand for: a table of names, and the scope that one request is rendered in."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Any

from gatepost.providers.base import Context
from gatepost.providers.kit.http_template import modifiers, numbers
from gatepost.providers.kit.http_template.draft import Draft
from gatepost.providers.kit.http_template.escape import Unrenderable, Value
from gatepost.providers.kit.http_template.template import Placeholder, TemplateFault
from gatepost.sms.outcomes import Refusal
from gatepost.sms.values import quick_dataclass

PLAIN_CREDENTIALS = ("username", "account_id")
SECRETS = ("password", "api_key", "secret_1", "secret_2", "secret_3")
STORED_CREDENTIALS = frozenset((*PLAIN_CREDENTIALS, *SECRETS))
DERIVED = ("token", "signature")
LISTS = ("to_list", "items", "ids")
NUMBERS = ("coding", "parts", "length", "validity_min", "validity_s", "send_at_unix", "now_unix")
BOOLEANS = ("is_unicode",)

_SEPARATORS = {"": ",", "space": " ", "newline": "\n", "tab": "\t"}


@quick_dataclass(frozen=True, slots=True)
class Scope:
    """Everything that a template may ask for. `given` holds values of this one request (a token, an id asked for).

    `derived` collects values made from secrets, which traces must mask besides the secrets themselves.
    """

    settings: Mapping[str, Any] = field(repr=False)
    ctx: Context
    drafts: tuple[Draft, ...] = ()
    given: Mapping[str, Value] = field(default_factory=dict, repr=False)
    derived: set[str] = field(default_factory=set, repr=False, compare=False)
    charset: str = field(init=False, repr=False, compare=False)
    """The charset of the values. UTF-16 is for the text alone: numbers and logins stay as they are."""

    def __post_init__(self) -> None:
        charset = self.text("charset") or "utf-8"
        object.__setattr__(self, "charset", "utf-8" if charset == "utf-16be" else charset)

    @property
    def draft(self) -> Draft:
        if not self.drafts:
            raise Unrenderable(Refusal.CONFIG, "This template is used where there is no message.")
        return self.drafts[0]

    @property
    def is_unicode(self) -> bool:
        drafts = self.drafts
        return drafts[0].is_unicode if len(drafts) == 1 else any(draft.is_unicode for draft in drafts)

    def text(self, name: str) -> str:
        value = self.settings.get(name)
        return "" if value is None else str(value)

    def separator(self, name: str = "recipient_separator") -> str:
        word = self.text(name)
        return _SEPARATORS.get(word, word)

    def with_given(self, **values: Value) -> "Scope":
        return replace(self, given={**self.given, **values})

    def each(self) -> "tuple[Scope, ...]":
        """One scope per message, for what is repeated inside `{{items}}`."""
        return tuple(replace(self, drafts=(draft,)) for draft in self.drafts)

    def value(self, placeholder: Placeholder) -> Value:
        """The value with its modifiers applied. Raises TemplateFault or Unrenderable."""
        value = self._plain(placeholder)
        if not placeholder.modifiers:
            return value
        changed = modifiers.apply(value, placeholder.modifiers, modifiers.Setting(self.charset, self.settings))
        if isinstance(changed, str) and changed != value and self._is_secret(placeholder):
            self.derived.add(changed)
        return changed

    def charset_of(self, placeholder: Placeholder) -> str:
        if placeholder.name == "text" and self.text("charset") == "utf-16be":
            return "utf-16-be"
        return self.charset

    def elements(self, name: str) -> list[str]:
        """The elements of a list placeholder other than `items`."""
        if name == "ids":
            ids = self.given.get("ids", "")
            return ids.split("\n") if isinstance(ids, str) and ids else []
        return [numbers.recipient(draft.message.to, self.settings) for draft in self.drafts]

    def _plain(self, placeholder: Placeholder) -> Value:
        name = placeholder.name
        if name == "ids":
            return self.separator("poll_id_separator").join(self.elements("ids"))
        if self.given and name in self.given:
            return self.given[name]
        if name in STORED_CREDENTIALS:
            return self.text(name)
        try:
            return VALUES[name](self, placeholder.argument)
        except KeyError:
            raise TemplateFault(f"There is no placeholder {name!r} here.") from None

    def _is_secret(self, placeholder: Placeholder) -> bool:
        keyed = any(modifier.name == "hmac_sha256" for modifier in placeholder.modifiers)
        return keyed or placeholder.name in SECRETS or placeholder.name in DERIVED


def receipt_url(scope: Scope) -> str:
    """Our address for this message's receipts, with the codes that the provider replaces (`dlr_suffix`).

    A request for several messages cannot name one of them, so there the address has no reference.
    """
    if not scope.settings.get("dlr_enabled") or not scope.ctx.receipt_url:
        return ""
    suffix = scope.text("dlr_suffix")
    if len(scope.drafts) == 1:
        return scope.ctx.receipt_url_for(scope.draft.message.ref) + suffix
    return scope.ctx.receipt_url + (f"?{suffix[1:]}" if suffix.startswith("&") else suffix)


def _coding(scope: Scope) -> str:
    return scope.text("coding_unicode" if scope.is_unicode else "coding_gsm")


def _unix(moment: datetime | None) -> str:
    return "" if moment is None else str(int(moment.timestamp()))


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _validity(scope: Scope, unit_s: int) -> str:
    seconds = scope.draft.message.validity_s
    return "" if seconds is None else str(-(-seconds // unit_s))


def _styled(style: str) -> "Callable[[Scope, str], Value]":
    return lambda scope, _: numbers.formatted(scope.draft.message.to, numbers.STYLES[style])


VALUES: Mapping[str, Callable[[Scope, str], Value]] = {
    "to": lambda scope, _: numbers.recipient(scope.draft.message.to, scope.settings),
    "to_plus": _styled("plus"),
    "to_no_plus": _styled("digits"),
    "to_00": _styled("00"),
    "to_national": _styled("national"),
    "to_list": lambda scope, _: scope.separator().join(scope.elements("to_list")),
    "text": lambda scope, _: scope.draft.wire_text,
    "sender": lambda scope, _: scope.draft.sender,
    "from_no_plus": lambda scope, _: scope.draft.sender.removeprefix("+"),
    "id": lambda scope, _: scope.draft.message.ref,
    "ref": lambda scope, _: scope.draft.message.ref,
    "batch_id": lambda scope, _: str(scope.ctx.serial),
    "uuid": lambda scope, _: str(uuid.uuid5(uuid.NAMESPACE_OID, scope.ctx.nonce)),
    "coding": lambda scope, _: _coding(scope),
    "charset": lambda scope, _: (scope.text("charset") or "utf-8").upper(),
    "is_unicode": lambda scope, _: "true" if scope.is_unicode else "false",
    "parts": lambda scope, _: str(scope.draft.segments),
    "length": lambda scope, _: str(len(scope.draft.text)),
    "validity_min": lambda scope, _: _validity(scope, 60),
    "validity_s": lambda scope, _: _validity(scope, 1),
    "send_at_iso": lambda scope, _: _iso(scope.draft.message.send_at),
    "send_at_unix": lambda scope, _: _unix(scope.draft.message.send_at),
    "now_iso": lambda scope, _: _iso(scope.ctx.now),
    "now_unix": lambda scope, _: _unix(scope.ctx.now),
    "now": lambda scope, pattern: scope.ctx.now.astimezone(UTC).strftime(pattern or "%Y-%m-%d %H:%M:%S"),
    "dlr_url": lambda scope, _: receipt_url(scope),
    "mo_url": lambda scope, _: scope.ctx.inbound_url,
    "type": lambda scope, _: "sms",
    "flash": lambda scope, _: "0",
}

CREDENTIAL_NAMES = frozenset((*PLAIN_CREDENTIALS, *SECRETS, "token"))
TIME_NAMES = frozenset(("now", "now_iso", "now_unix", "uuid", "batch_id", "charset", "mo_url"))
SEND_NAMES = frozenset((*VALUES, *CREDENTIAL_NAMES, "items"))
PLAIN_NAMES = CREDENTIAL_NAMES | TIME_NAMES
POLL_NAMES = PLAIN_NAMES | {"id", "ids", "ref", "to", "to_plus", "to_no_plus", "sender"}
FEED_NAMES = PLAIN_NAMES | {"cursor"}
ACK_NAMES = PLAIN_NAMES | {"id", "ids"}
SIGNED_NAMES = SEND_NAMES | POLL_NAMES | FEED_NAMES | {"body", "method", "url", "path"}
