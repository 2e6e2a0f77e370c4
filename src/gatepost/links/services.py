"""Short links of a workspace: their address, who shortens, and what was clicked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from gatepost.gateways.models import Gateway
from gatepost.links import store
from gatepost.links.models import LinkSettings, MessageLink
from gatepost.links.shortening import Shortener
from gatepost.problems import Fault, Problem
from gatepost.providers import registry
from gatepost.rest.storable import is_storable
from gatepost.sms.ids import first_id
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

LONGEST_BASE: Final = 60
FORGOTTEN_AT_ONCE: Final = 5000
_OFF: Final[tuple[Any, ...]] = (None, "", False, "off", "default", {})


@dataclass(frozen=True, slots=True)
class LinkUse:
    """How often a link of a campaign was opened: by how many of its recipients, and how often in all."""

    url: str
    recipients: int
    opened_by: int
    clicks: int
    last_at: datetime | None

    @property
    def share(self) -> int:
        """Of the recipients, in percent."""
        return round(100 * self.opened_by / self.recipients) if self.recipients else 0


def base_url(workspace: Workspace) -> str:
    """Where the workspace's short links are; the installation's own address where it has none; empty without either."""
    own = LinkSettings.objects.filter(workspace=workspace).first()
    return own.base_url if own else str(settings.CONFIG["PUBLIC_URL"]).rstrip("/")


def set_base_url(workspace: Workspace, url: str, *, actor: str) -> None:
    """Serve short links under this address; empty for the installation's own. Raises Problem `invalid`."""
    url = url.strip().rstrip("/")
    if url:
        _check(url)
    with transaction.atomic():
        if url:
            LinkSettings.objects.update_or_create(workspace=workspace, defaults={"base_url": url})
        else:
            LinkSettings.objects.filter(workspace=workspace).delete()
        audit(actor, "links.settings", workspace, workspace, base_url=url)


def shortener_for(
    workspace: Workspace, *, campaign_id: int, gateway: str = "", is_sms: bool = True
) -> Shortener | None:
    """What shortens the links of a sending; None where a gateway that it may go by does so itself: never both.

    `gateway`: the name or number that was chosen, empty where rules choose. Raises Problem `no_link_address`.
    """
    if is_sms and shortening_gateway(workspace, gateway):
        return None
    base = base_url(workspace)
    if not base:
        raise Problem("no_link_address")
    return Shortener(workspace.pk, campaign_id, base)


def shortening_gateway(workspace: Workspace, gateway: str = "") -> str:
    """The name of a gateway that may take the sending and shortens links itself; empty where there is none."""
    for row in Gateway.objects.filter(workspaces=workspace, is_active=True).order_by("name"):
        if gateway in ("", row.name, str(row.pk)) and shortens_itself(row.provider, row.settings):
            return row.name
    return ""


def starts_shortened(workspace: Workspace, gateway: str = "") -> bool:
    """Whether a mass sending by that gateway (`gateway` as for shortener_for) starts with short links."""
    return gateway in choices_that_shorten(workspace)


def choices_that_shorten(workspace: Workspace) -> set[str]:
    """The choices of a gateway with which a mass sending starts with short links: names, numbers, and an empty one
    where it is the default gateway that says so."""
    active = list(Gateway.objects.filter(workspaces=workspace, is_active=True))
    rows = [row for row in active if row.shorten_links and not shortens_itself(row.provider, row.settings)]
    if not rows or not base_url(workspace):
        return set()
    default_id = active[0].pk if len(active) == 1 else workspace.default_gateway_id
    without_choice = {""} if any(row.pk == default_id for row in rows) else set()
    return {row.name for row in rows} | {str(row.pk) for row in rows} | without_choice


def forget_old(before_each: Callable[[], None]) -> int:
    """Delete short links beyond their days, some at a time, each time committed; how many. `before_each` may raise to
    stop."""
    days = settings.CONFIG["SHORT_LINK_DAYS"]
    if not days:
        return 0
    since = timezone.now() - timedelta(days=days)
    before = first_id(int(since.timestamp() * 1000))
    values: dict[str, Any] = {"since": since, "before": before, "limit": FORGOTTEN_AT_ONCE}
    count = 0
    with connection.cursor() as cursor:
        for statement in (store.FORGET_CODES, store.FORGET_OF_MESSAGES):
            deleted = FORGOTTEN_AT_ONCE
            while deleted == FORGOTTEN_AT_ONCE:
                before_each()
                cursor.execute(statement, values)
                deleted = cursor.rowcount
                count += deleted
        before_each()
        cursor.execute(store.FORGET_LINKS, [since])
    return count


def of_message(message_id: int) -> list[MessageLink]:
    """The short links of a message that belongs to no campaign."""
    return list(MessageLink.objects.filter(message_id=message_id).order_by("url"))


def shortens_itself(slug: str, said: Mapping[str, Any]) -> bool:
    """Whether the provider shortens links with these settings."""
    try:
        needed = registry.provider(slug).manifest.own_shortener
    except KeyError:
        return False
    return bool(needed) and all(said.get(name) not in _OFF for name in needed)


def uses(workspace: Workspace, campaign_id: int) -> list[LinkUse]:
    """The links of a campaign with what was clicked, in the order of their first use. Tests are not counted."""
    with connection.cursor() as cursor:
        cursor.execute(store.CLICKS, [workspace.pk, campaign_id])
        return [LinkUse(*row) for row in cursor.fetchall()]


def _check(url: str) -> None:
    words = ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        words = "This is not an address."
    else:
        host = parts.hostname or ""
        is_loopback = host in ("localhost", "127.0.0.1", "::1")
        is_plain = parts.scheme == "http" and not is_loopback and not settings.CONFIG["ALLOW_PLAIN_HTTP"]
        if not is_storable(url) or not url.isascii() or any(character.isspace() for character in url):
            words = "Write the address in plain letters; a host with others in its xn-- form."
        elif parts.scheme not in ("http", "https") or not host or port == 0:
            words = "Write an address such as https://go.acme.example."
        elif parts.path or parts.query or parts.fragment or parts.username is not None:
            words = "Write the scheme and host only, such as https://go.acme.example."
        elif is_plain:
            words = "Use https: over plain http anybody on the way sees who opens what."
        elif len(url) > LONGEST_BASE:
            words = f"At most {LONGEST_BASE} characters: it is in every message."
    if words:
        raise Problem("invalid", faults=[Fault("base_url", "bad_url", words)])
