"""What the API takes and shows of gateways. Secrets go in and never come out."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

from gatepost.gateways import common, services
from gatepost.gateways.models import Gateway
from gatepost.gateways.settings import provider_of
from gatepost.rest.bodies import Body, Name
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right

Settings = Annotated[
    dict[str, Any],
    Field(max_length=200, description="The provider's own fields, secrets among them; see its `settings_schema`."),
]
ListOfTexts = Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=1000)]


class CommonIn(Body):
    """Settings that every gateway has. Left out: not touched (the provider's default when new). Null: the default."""

    description: Annotated[str | None, Field(max_length=2000)] = None
    sign_up_url: Annotated[str | None, Field(max_length=200)] = None
    is_active: bool | None = None
    is_draining: bool | None = None
    sending_enabled: bool | None = None
    sender: Annotated[str | None, Field(max_length=20)] = None
    fallback_sender: Annotated[str | None, Field(max_length=20)] = None
    pattern: Literal["batch", "loop"] | None = None
    requests_per_second: Annotated[float | None, Field(ge=common.MIN_RATE, le=common.MAX_RATE)] = None
    sender_rates: Annotated[
        ListOfTexts | None, Field(description="Sender IDs with a pace of their own: `ACME = 5`.")
    ] = None
    parallel: Annotated[int | None, Field(ge=1, le=common.MAX_PARALLEL)] = None
    max_segments: Annotated[int | None, Field(ge=1, le=255)] = None
    await_delivery_s: Annotated[int | None, Field(ge=0, le=259_200)] = None
    days_to_expire: Annotated[int | None, Field(ge=1, le=30)] = None
    verify_tls: bool | None = None
    debug: bool | None = None
    shorten_links: bool | None = None
    prefers_duplicate: bool | None = None
    named_fails_over: bool | None = None
    only_verified_senders: bool | None = None
    verified_senders: ListOfTexts | None = None
    only_verified_phones: bool | None = None
    verified_phones: ListOfTexts | None = None
    send_ips: ListOfTexts | None = None
    callback_ips: ListOfTexts | None = None
    fixed_callbacks: bool | None = None
    inbound_number: Annotated[str | None, Field(max_length=25)] = None
    prefixes_to_remove: ListOfTexts | None = None
    inbound_active: bool | None = None

    def common_values(self) -> dict[str, Any]:
        """What was sent of the common settings."""
        return {name: value for name, value in self.model_dump(exclude_unset=True).items() if name in common.BY_NAME}


class NewGateway(CommonIn):
    name: Name
    provider: Annotated[str, Field(max_length=40, description="The slug of a provider of the catalogue.")]
    settings: Settings = {}


class GatewayChanges(CommonIn):
    """Left out: not touched. In `settings`, a secret that is null stays, and an empty one is cleared."""

    name: Name | None = None
    settings: Settings = {}


class UnsavedGateway(Body):
    """A gateway as a form shows it. `gateway`: one whose saved secrets stand in for those that are not given."""

    provider: Annotated[str, Field(max_length=40)]
    settings: Settings = {}
    gateway: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    verify_tls: bool = True


class SecretOut(Schema):
    """A secret is never shown: only when it was set (null: missing), and when its certificate runs out."""

    set_at: datetime | None
    expires_at: datetime | None


class GatewayOut(Schema):
    id: int
    name: str
    provider: str
    provider_label: str
    identifier: Annotated[str, Field(description="What tells accounts apart: user name, SID, service ID.")]
    settings: dict[str, Any]
    secrets: dict[str, SecretOut]
    certificates: Annotated[dict[str, datetime], Field(description="When each certificate runs out.")]
    settings_version: int
    is_shared: Annotated[bool, Field(description="Assigned to several workspaces: only the administrator changes it.")]
    is_default: Annotated[bool, Field(description="The default gateway of the workspace.")]
    callback_urls: Annotated[dict[str, str], Field(description="For those who may change the gateway.")]
    paused_reason: str
    paused_at: datetime | None
    slowed_to: Annotated[float | None, Field(description="The pace per second while the provider asks for less.")]
    description: str
    sign_up_url: str
    is_active: bool
    is_draining: bool
    sending_enabled: bool
    sender: str
    fallback_sender: str
    pattern: Literal["batch", "loop"]
    requests_per_second: float | None
    sender_rates: list[str]
    parallel: int | None
    max_segments: int | None
    await_delivery_s: int
    days_to_expire: int
    verify_tls: bool
    debug: bool
    shorten_links: bool
    prefers_duplicate: bool
    named_fails_over: bool
    only_verified_senders: bool
    verified_senders: list[str]
    only_verified_phones: bool
    verified_phones: list[str]
    send_ips: list[str]
    callback_ips: list[str]
    fixed_callbacks: bool
    inbound_number: str
    prefixes_to_remove: list[str]
    inbound_active: bool
    created_at: datetime
    updated_at: datetime


class CapabilitiesOut(Schema):
    """What the provider can do. `batch`: messages per request. `dedupe`: what protects a repeat."""

    batch: int | None
    dedupe: Literal["message", "request"] | None
    receipts: list[Literal["push", "query", "poll"]]
    inbound: list[Literal["sms", "mms"]]
    balance: bool
    query: bool
    check: bool
    schedules: bool
    validity: bool


class ChoiceOut(Schema):
    value: str
    label: str


class FieldOut(Schema):
    """One field of the settings; `when`: shown and required only while another field has that value."""

    name: str
    label: str
    kind: Literal["text", "long_text", "secret", "url", "choice", "flag", "number", "pem", "lines", "json"]
    help: str
    group: str
    required: bool
    secret: bool
    identifier: bool
    default: Any
    choices: list[ChoiceOut]
    when: dict[str, Any] | None
    confidence: Literal["verified", "unverified"]


class PresetOut(Schema):
    """A ready set of settings."""

    slug: str
    label: str
    help: str
    settings: dict[str, Any]


class ProviderOut(Schema):
    """A provider of the catalogue. `unfit`: why the protocol cannot be served. `facts`: month of the facts."""

    slug: str
    label: str
    confidence: Literal["documented", "client-code", "operator-supplied"]
    facts: str
    countries: list[str]
    docs: str
    website: str
    sign_up: str
    unfit: str
    setup: list[str]
    capabilities: CapabilitiesOut
    fields: list[FieldOut]
    presets: list[PresetOut]
    settings_schema: Annotated[dict[str, Any], Field(description="The settings as JSON Schema.")]


class EffectOut(Schema):
    """So many things of a kind, and what becomes of them."""

    what: str
    count: int
    then: str


class Affected(Schema):
    affected: list[EffectOut]


class StepOut(Schema):
    """One request and its answer, secrets masked. `curl` repeats it, with the secrets as shell variables."""

    label: Annotated[str, Field(alias="trace.label")]
    method: Annotated[str, Field(alias="trace.method")]
    url: Annotated[str, Field(alias="trace.url")]
    headers: Annotated[list[tuple[str, str]], Field(alias="trace.headers")]
    body: Annotated[str, Field(alias="trace.body")]
    status: Annotated[int | None, Field(alias="trace.status", description="Null: no answer came.")]
    response_headers: Annotated[list[tuple[str, str]], Field(alias="trace.response_headers")]
    response_body: Annotated[str, Field(alias="trace.response_body")]
    failure: Annotated[str, Field(alias="trace.failure", description="Why no answer came.")]
    is_sent: Annotated[bool, Field(alias="trace.is_sent", description="Bytes of the request may have left.")]
    started_at: Annotated[datetime, Field(alias="trace.started_at")]
    connect_ms: Annotated[float, Field(alias="trace.connect_ms")]
    total_ms: Annotated[float, Field(alias="trace.total_ms")]
    curl: str


class Money(Schema):
    """`amount` is a decimal number in text; `unit` a currency code or the provider's own word."""

    amount: Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
    unit: str

    @staticmethod
    def resolve_amount(obj: Any) -> str:
        return format(obj.amount, "f")


class TrialOut(Schema):
    """What a check or balance run found; where it is not in order: whose move it is, and what to do."""

    ok: bool
    words: str
    side: Literal["ours", "gateway", "provider", "recipient"] | None
    code: Annotated[str, Field(description="The provider's own code where it gave one.")]
    advice: str
    balance: Money | None
    steps: list[StepOut]


def shown(gateway: Gateway, asker: Caller) -> dict[str, Any]:
    """The gateway as this caller may see it, as the fields of a GatewayOut.

    The callback URLs hold the token that proves a callback, so only those who may change the gateway get them.
    """
    manifest = provider_of(gateway.provider).manifest
    identifier = manifest.identifier
    return {
        **{name: getattr(gateway, name) for name in common.BY_NAME},
        **{name: getattr(gateway, name) for name in ("id", "name", "provider", "settings", "settings_version")},
        "provider_label": manifest.label,
        "identifier": str(gateway.settings.get(identifier.name) or "") if identifier else "",
        "secrets": {
            name: {"set_at": set_at, "expires_at": expires_at}
            for name, (set_at, expires_at) in services.secret_states(gateway).items()
        },
        "certificates": services.certificate_expiries(gateway),
        "is_shared": len(gateway.workspaces.all()) > 1,
        "is_default": asker.workspace.default_gateway_id == gateway.pk,
        "callback_urls": services.callback_urls(gateway) if asker.has(Right.GATEWAYS_WRITE) else {},
        "paused_reason": gateway.paused_reason,
        "paused_at": gateway.paused_at,
        "slowed_to": gateway.slowed_to,
        "created_at": gateway.created_at,
        "updated_at": gateway.updated_at,
    }
