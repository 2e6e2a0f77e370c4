"""What a provider is and can do, declared once: forms, validation, docs, matrix, grouping and re-sending read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from gatepost.providers.fields import Field
from gatepost.sms.dialling import dialling_prefixes

Confidence = Literal["documented", "client-code", "operator-supplied"]
Attribute = Literal["sender", "text", "encoding", "validity"]
Delivery = Literal["push", "query", "poll"]
InboundKind = Literal["sms", "mms"]


@dataclass(frozen=True, slots=True)
class Batch:
    """The provider takes several messages in one request.

    `same`: what must be alike in one request. `unique_number`: no number twice in one request.
    `limit_setting`: the name of the setting by which the operator lowers `limit`. `max_segments`: of all messages of
    one request together.
    """

    limit: int
    same: tuple[Attribute, ...] = ()
    unique_number: bool = False
    limit_setting: str = ""
    max_segments: int | None = None


@dataclass(frozen=True, slots=True)
class Dedupe:
    """The truth about sending again what may have arrived.

    scope `message`: our reference protects each message, in any request (we repeat it in a request of its own).
    scope `request`: the whole request must be repeated unchanged. `answers`: a repeat is answered like the first
    (`same`), or refused as a duplicate (`refuses`). `window_s` None: the provider does not say how long it remembers,
    and an hour is all we rely on. `when`: (setting, value) that switches the protection on.
    """

    scope: Literal["message", "request"]
    window_s: int | None
    answers: Literal["same", "refuses"]
    when: tuple[str, Any] | None = None

    def protects(self, settings: Mapping[str, Any]) -> bool:
        return self.when is None or settings.get(self.when[0]) == self.when[1]


@dataclass(frozen=True, slots=True)
class Ref:
    """What the provider takes as our reference. Ours is at most 13 lower-case alphanumerics."""

    max: int = 64
    alphabet: Literal["alphanumeric", "digits", "any"] = "any"


@dataclass(frozen=True, slots=True)
class Pace:
    """Defaults and caps of speed. `counts`: what the provider counts against its limit.

    `shared_by`: the setting that identifies the provider account over which the cap is shared by several gateways.
    """

    requests_per_second: float | None = None
    parallel: int = 4
    counts: Literal["requests", "messages", "segments"] = "requests"
    shared_by: str = ""


@dataclass(frozen=True, slots=True)
class Validity:
    """The validity period that the provider takes, in seconds; outside it the value is brought to the nearer end."""

    min_s: int
    max_s: int

    def clamp(self, seconds: int) -> int:
        return max(self.min_s, min(seconds, self.max_s))


@dataclass(frozen=True, slots=True)
class Feed:
    """Something to poll: `name` is handed to the adapter's `poll`, `every_s` is the pause after an empty answer."""

    name: str
    every_s: float = 60.0


@dataclass(frozen=True, slots=True)
class SenderRule:
    """What the provider takes as sender ID; `pattern` is a full match. Checked when a message is accepted.

    `is_required`: the provider has no default of its own, so a message without any sender is refused by us.
    """

    pattern: str = r"[^\x00-\x1f]{1,16}"
    words: str = "1 to 16 characters."
    is_required: bool = False

    def allows(self, sender: str) -> bool:
        return _fits(self.pattern, sender)


@lru_cache(maxsize=4096)
def _fits(pattern: str, sender: str) -> bool:
    return re.fullmatch(pattern, sender) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A ready set of settings for an adapter that speaks for many providers."""

    slug: str
    label: str
    settings: Mapping[str, Any]
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything about a provider that is data. Times in seconds.

    `countries`: ISO codes, empty for world-wide. `facts`: year and month of the facts. `callback_auth`: how a
    callback is proven beyond the unguessable path: `signature` (the adapter verifies it), else `token`.
    `receipts`: how states come: pushed, queried per message, polled as a feed. `busy_status`: the HTTP status that
    makes the provider try a callback again later (None: only a closed connection does). `poll_until_s`: how long a
    state is asked for. `query_limit`: how many messages one query may ask for. `unprocessed_statuses`: HTTP statuses
    of 408 and 5xx after which the provider documents that nothing was processed; after all others a submit is
    unknown. `listen_paths`: fixed callback paths that operators have configured at the provider. `unfit`: why a
    protocol cannot be served; such a manifest is listed in the catalogue and never activated. `own_shortener`: the
    settings with which, all of them set, the provider shortens links itself.
    """

    slug: str
    label: str
    confidence: Confidence
    facts: str
    fields: tuple[Field, ...]
    countries: tuple[str, ...] = ()
    docs: str = ""
    website: str = ""
    sign_up: str = ""
    callback_names: tuple[str, ...] = ()
    batch: Batch | None = None
    dedupe: Dedupe | None = None
    reference: Ref = Ref()
    pace: Pace = Pace()
    validity: Validity | None = None
    schedules: bool = False
    sender: SenderRule = SenderRule()
    max_segments: int | None = None
    max_segments_setting: str = ""
    receipts: tuple[Delivery, ...] = ()
    inbound: tuple[InboundKind, ...] = ()
    inbound_delivery: tuple[Delivery, ...] = ()
    inbound_prefixes: tuple[str, ...] = ()
    callback_auth: Literal["signature", "token"] = "token"
    callback_ips: tuple[str, ...] = ()
    busy_status: int | None = 503
    poll_until_s: int = 72 * 3600
    await_delivery_s: int = 0
    query_limit: int = 1
    feeds: tuple[Feed, ...] = ()
    unprocessed_statuses: tuple[int, ...] = ()
    listen_paths: tuple[str, ...] = ()
    own_shortener: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    presets: tuple[Preset, ...] = ()
    unfit: str = ""

    @property
    def identifier(self) -> Field | None:
        return next((field for field in self.fields if field.identifier), None)

    @property
    def secret_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.secret)

    @property
    def prefixes_to_remove(self) -> tuple[str, ...]:
        """Pre-filled for inbound numbers: the manifest's own, else the dialling prefixes of its countries."""
        return self.inbound_prefixes or tuple(p for country in self.countries for p in dialling_prefixes(country))
