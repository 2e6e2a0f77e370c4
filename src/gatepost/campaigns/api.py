"""REST: campaigns as they are written, and what sending one would do."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from gatepost.campaigns import planning, services, watching
from gatepost.campaigns.models import Campaign, Plan
from gatepost.campaigns.words import CampaignWord, standing_so, word_of
from gatepost.messages.idempotency import once
from gatepost.rest.bodies import Body, Id, Moment
from gatepost.rest.paging import Page, PageOf, page
from gatepost.sms.states import State, Word
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Campaigns"])

KEY = "Idempotency-Key"
IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": KEY,
            "description": "Repeating the request with the same key changes nothing, for 72 hours.",
            "schema": {"type": "string", "maxLength": 200},
        }
    ]
}
Line = Annotated[str, Field(max_length=1000)]
Number = Annotated[int, Field(ge=1, lt=2**63)]


class CampaignIn(Body):
    """A campaign, or what is to change of a draft: what is left out stays."""

    name: Line = ""
    send_to: Literal["sms", "email", "portal", "portal_email"] = "sms"
    to_billing: Annotated[bool, Field(description="To the billing e-mail addresses.")] = False
    recipient_kind: Literal["customer", "lead"] = "customer"
    filter: Annotated[dict[str, Any], Field(description="As for contacts; empty: everybody of the kind.")] = {}
    segment_id: Annotated[Number | None, Field(description="A saved segment; the filter restricts it further.")] = None
    subject: Line = ""
    text: Annotated[str, Field(max_length=30_000, description="With placeholders such as {{ full_name }}.")] = ""
    missing: Annotated[
        Literal["refuse", "default", "skip"], Field(description="What becomes of recipients without a value.")
    ] = "refuse"
    default: Annotated[Line, Field(description="What stands in the place of a missing value.")] = ""
    attachments: Annotated[list[Number], Field(max_length=100)] = []
    document_kinds: list[Literal["invoice", "proforma", "payment"]] = []
    document_from: date | None = None
    document_until: date | None = None
    only_with_documents: bool = False
    gateway: Annotated[Line, Field(description="Its name or number; empty: the route decides.")] = ""
    sender: Line = ""
    priority: Literal["bulk", "normal"] = "bulk"
    tag: Line = ""
    shorten: Annotated[bool, Field(description="Left out of a new one: as *Shorten links* of its gateway says.")] = (
        False
    )
    schedule: Literal["now", "at", "local"] = "now"
    time_zone: Annotated[Line, Field(description="Such as Europe/Warsaw; empty: UTC.")] = ""
    send_at: Annotated[
        datetime | None, Field(description="What the clock shows (of `time_zone`, or for `local` the recipient's).")
    ] = None


class ChangeIn(CampaignIn):
    """`version`: the one that the change is made to; another one is refused."""

    version: Number | None = None


class ProgressOut(Schema):
    total: int
    done: int
    percent: int
    excluded: dict[str, int]
    states: dict[State, int]
    words: dict[Word, int]
    rate: Annotated[
        float, Field(description="Messages that are sent now, per second; 0 while it is paused or at its end.")
    ]
    ends_at: datetime | None


class CampaignOut(Schema):
    """A campaign. `word` is what people filter by; `planned`: how many people were meant when it was sent."""

    id: int
    version: int
    status: str
    word: CampaignWord
    name: str
    send_to: str
    to_billing: bool
    recipient_kind: str
    filter: dict[str, Any]
    segment_id: int | None
    again_of: Annotated[int | None, Field(description="The campaign whose failed recipients this one is for.")]
    subject: str
    text: str
    template_id: int | None
    missing: str
    default: str
    attachments: list[int]
    document_kinds: list[str]
    document_from: date | None
    document_until: date | None
    only_with_documents: bool
    gateway: str
    sender: str
    priority: str
    tag: str
    shorten: bool
    schedule: str
    time_zone: str
    send_at: Annotated[str | None, Field(description="What the clock shows.")]
    created_at: datetime
    starts_at: Annotated[datetime | None, Field(description="Until then it can be undone.")]
    started_at: datetime | None
    ended_at: datetime | None
    planned: int
    trouble: str
    progress: ProgressOut


class CampaignQuery(Schema):
    """Which campaigns; what is left out does not restrict."""

    word: CampaignWord | None = None
    since: Moment | None = None
    until: Moment | None = None


class AmountOut(Schema):
    currency: str
    amount: str


class PersonOut(Schema):
    contact_id: int
    name: str
    address: str
    words: str
    text: str
    segments: int


class ExclusionOut(Schema):
    """Those who get nothing for one reason; `people` are the first of them."""

    reason: str
    label: str
    count: int
    people: list[PersonOut]


class ShareOut(Schema):
    """What one gateway would send; `seconds` null: nothing limits it."""

    gateway_id: int | None
    gateway: str
    messages: int
    segments: int
    seconds: float | None
    costs: list[AmountOut]
    unpriced: Annotated[int, Field(description="Segments without a price.")]


class WayOut(Schema):
    """What would go by one channel."""

    channel: str
    messages: int
    segments: int
    encodings: dict[str, int]
    lengths: Annotated[dict[int, int], Field(description="Messages by the number of their segments.")]
    saved: Annotated[int, Field(description="Segments that replacing the costly characters would save.")]
    savings: list[AmountOut]
    seconds: float | None
    first_at: datetime | None
    last_at: datetime | None
    gateways: list[ShareOut]
    excluded: list[ExclusionOut]
    people: list[PersonOut]


class ForecastOut(Schema):
    """What sending would do."""

    people: int
    messages: int
    segments: int
    excluded: int
    gaps: Annotated[int, Field(description="Recipients without a value that the text shows.")]
    repeated: Annotated[int, Field(description="Recipients who were sent the same today, or are about to be.")]
    late: Annotated[int, Field(description="Recipients whose local time has passed: they get it at once.")]
    costs: list[AmountOut]
    unpriced: int
    ends_at: datetime | None
    ways: list[WayOut]


class PlanOut(Schema):
    """A plan and how far it is. `faults`: what keeps the campaign from being sent, whatever the plan says."""

    state: Literal["running", "done", "failed"]
    version: int
    done: int
    total: int
    trouble: str
    made_at: datetime
    forecast: ForecastOut | None
    faults: list[dict[str, str]]


@router.get("/campaigns", auth=needs(Right.CAMPAIGNS_READ), response=PageOf[CampaignOut])
def list_campaigns(request: HttpRequest, asked: Page, wanted: Query[CampaignQuery]) -> dict[str, Any]:
    """The campaigns of the workspace, newest first; removed ones only for the word Removed."""
    found = services.own(caller(request).workspace).filter(standing_so(wanted.word))
    if wanted.since:
        found = found.filter(created_at__gte=wanted.since)
    if wanted.until:
        found = found.filter(created_at__lt=wanted.until)
    rows = page(found, asked)
    return {"items": [shown(row) for row in rows.items], "next_cursor": rows.next_cursor}


@router.post("/campaigns", auth=needs(Right.CAMPAIGNS_WRITE), response={201: CampaignOut}, openapi_extra=IDEMPOTENT)
def create_campaign(request: HttpRequest, said: CampaignIn) -> Status[dict[str, Any]]:
    """Write a campaign down. Nothing is sent yet."""
    asker = caller(request)
    values = said.model_dump(exclude_unset=True)

    def make() -> str:
        return str(services.create(asker.workspace, values, **said_by(request)).pk)

    number = once(asker.workspace.pk, request.headers.get(KEY, ""), b"campaign " + request.body, make)
    return Status(201, shown(services.find(asker.workspace, int(number))))


@router.get("/campaigns/{int:campaign_id}", auth=needs(Right.CAMPAIGNS_READ), response=CampaignOut)
def read_campaign(request: HttpRequest, campaign_id: Id) -> dict[str, Any]:
    """A campaign and how far it has come."""
    row = services.find(caller(request).workspace, campaign_id)
    watching.look(row)
    return shown(row)


@router.patch("/campaigns/{int:campaign_id}", auth=needs(Right.CAMPAIGNS_WRITE), response=CampaignOut)
def change_campaign(request: HttpRequest, campaign_id: Id, said: ChangeIn) -> dict[str, Any]:
    """Change a draft."""
    asker = caller(request)
    values = said.model_dump(exclude_unset=True)
    version = values.pop("version", None)
    row = services.find(asker.workspace, campaign_id)
    return shown(services.save(row, values, version=version, actor=asker.actor))


@router.delete("/campaigns/{int:campaign_id}", auth=needs(Right.CAMPAIGNS_WRITE), response={204: None})
def remove_campaign(request: HttpRequest, campaign_id: Id) -> Status[None]:
    """Take it out of the list; what was sent stays for the accounts."""
    asker = caller(request)
    services.remove(services.find(asker.workspace, campaign_id), actor=asker.actor)
    return Status(204, None)


@router.post("/campaigns/{int:campaign_id}/copy", auth=needs(Right.CAMPAIGNS_WRITE), response={201: CampaignOut})
def copy_campaign(request: HttpRequest, campaign_id: Id) -> Status[dict[str, Any]]:
    """A new draft that says the same."""
    asker = caller(request)
    row = services.find(asker.workspace, campaign_id)
    return Status(201, shown(services.copy(row, user=asker.user, actor=asker.actor)))


@router.post("/campaigns/{int:campaign_id}/plan", auth=needs(Right.CAMPAIGNS_WRITE), response={202: PlanOut})
def plan_campaign(request: HttpRequest, campaign_id: Id) -> Status[dict[str, Any]]:
    """Have it worked out what sending would do; nothing is sent."""
    row = services.find(caller(request).workspace, campaign_id)
    return Status(202, _shown_plan(row, planning.ask(row)))


@router.get("/campaigns/{int:campaign_id}/plan", auth=needs(Right.CAMPAIGNS_READ), response=PlanOut)
def read_plan(request: HttpRequest, campaign_id: Id) -> dict[str, Any]:
    """What sending would do, or how far that is worked out."""
    row = services.find(caller(request).workspace, campaign_id)
    return _shown_plan(row, planning.find(row))


def said_by(request: HttpRequest) -> dict[str, Any]:
    """Who writes or sends: the user, or the key with the address that it is used from."""
    asker = caller(request)
    peer = request.META.get("REMOTE_ADDR", "") if asker.key else None
    return {"user": asker.user, "key": asker.key, "peer": peer, "actor": asker.actor}


def shown(row: Campaign) -> dict[str, Any]:
    """The values of CampaignOut."""
    found = watching.progress(row)
    plain = {name: getattr(row, name) for name in CampaignOut.model_fields if hasattr(row, name)}
    return plain | {
        "word": word_of(row),
        "again_of": row.again_of_id,
        "send_at": row.send_at.strftime("%Y-%m-%dT%H:%M") if row.send_at else None,
        "progress": {
            "total": found.total,
            "done": found.done,
            "percent": found.percent,
            "excluded": row.excluded,
            "states": found.states,
            "words": found.words,
            "rate": found.rate,
            "ends_at": found.ends_at,
        },
    }


def _shown_plan(row: Campaign, plan: Plan) -> dict[str, Any]:
    forecast = planning.forecast_of(plan) if plan.state == Plan.State.DONE else None
    return {
        **{name: getattr(plan, name) for name in ("state", "version", "done", "total", "trouble", "made_at")},
        "forecast": _shown_forecast(forecast) if forecast else None,
        "faults": [
            {"field": fault.field, "code": fault.code, "detail": fault.detail} for fault in services.faults(row)
        ],
    }


def _shown_forecast(found: planning.Forecast) -> dict[str, Any]:
    names = ("people", "messages", "segments", "excluded", "gaps", "repeated", "late", "unpriced", "ends_at")
    return {name: getattr(found, name) for name in names} | {
        "costs": _amounts(found.costs),
        "ways": [_shown_way(way) for way in found.ways],
    }


def _shown_way(way: planning.Way) -> dict[str, Any]:
    names = ("channel", "messages", "segments", "encodings", "lengths", "saved", "seconds", "first_at", "last_at")
    share_names = ("gateway_id", "gateway", "messages", "segments", "seconds", "unpriced")
    return {name: getattr(way, name) for name in names} | {
        "savings": _amounts(way.savings),
        "gateways": [
            {name: getattr(share, name) for name in share_names} | {"costs": _amounts(share.costs)}
            for share in way.shares
        ],
        "excluded": [
            {"reason": one.reason, "label": one.label, "count": one.count, "people": _people(one.people)}
            for one in way.excluded
        ],
        "people": _people(way.people),
    }


def _people(people: list[planning.Person]) -> list[dict[str, Any]]:
    return [{name: getattr(one, name) for name in PersonOut.model_fields} for one in people]


def _amounts(by_currency: Mapping[str, Decimal]) -> list[dict[str, str]]:
    return [
        {"currency": currency, "amount": f"{amount.normalize():f}"} for currency, amount in sorted(by_currency.items())
    ]
