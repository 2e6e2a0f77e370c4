"""The navigation: what a person may see is there, and nothing else."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from gatepost.pages.access import own_pages, routes, workspaces_of
from gatepost.workspaces.access import Caller


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation; it appears for those who have the right of its page. `under`: pages it stands for."""

    page: str
    label: str
    icon: str
    under: tuple[str, ...] = ()


GATEWAY_PAGES = (
    *("gateway", "gateway-edit", "gateway-delete", "gateway-log", "gateway-health"),
    *("email-account", "email-account-add", "email-account-delete"),
)
CONTACT_PAGES = ("contact", "contact-add", "contact-edit", "segments", "registers", "fields", "imports", "import")
COMPOSE_PAGES = tuple(f"campaign-{step}" for step in ("new", "compose", "save", "preview", "test", "check"))
SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry("home", "Dashboard", "home"),
            Entry("compose", "Compose", "send", COMPOSE_PAGES),
            Entry("history", "History", "clock", ("campaign", "campaign-recipient")),
            Entry("log", "SMS log", "log", ("message",)),
            Entry("mails", "E-mail", "mail", ("mail", "email-suppressions")),
            Entry("portal-messages", "Customer portal", "person", ("portal-message", "portal-settings")),
            Entry("doubts", "In doubt", "warn"),
            Entry("inbound", "Inbound", "inbox"),
            Entry("contacts", "Contacts", "people", CONTACT_PAGES),
            Entry("templates", "Templates", "book", ("template", "template-add", "template-versions")),
            Entry("phone", "Virtual phone", "phone", ("demo-mailbox",)),
        ),
    ),
    (
        "Providers",
        (
            Entry(
                "gateways",
                "Gateways",
                "gateway",
                GATEWAY_PAGES,
            ),
            Entry("catalogue", "Catalogue", "catalogue", ("provider", "gateway-add")),
            Entry("routing", "Routing", "route", ("route", "route-add", "route-where", "routing-changes")),
            Entry("senders", "Sender IDs", "sender"),
            Entry("prices", "Prices", "coins", ("prices-import",)),
        ),
    ),
    (
        "Workspace",
        (
            Entry("people", "People", "people"),
            Entry("keys", "API keys", "key"),
            Entry("links", "Short links", "outside"),
            Entry("workspace", "Settings", "settings", ("audit",)),
        ),
    ),
    (
        "Installation",
        (
            Entry("workspaces", "Workspaces", "workspace"),
            Entry("users", "Users", "person", ("user",)),
            Entry("workers", "Workers", "bolt"),
        ),
    ),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: navigation, workspaces and banners of a signed-in page."""
    asker: Caller | None = getattr(request, "asker", None)
    if asker is None or asker.user is None:
        return {}
    return {
        "navigation": [section for section in (_section(request, asker, *one) for one in SECTIONS) if section["items"]],
        "my_workspaces": workspaces_of(asker.user),
        "banners": _banners(asker),
    }


def _section(request: HttpRequest, asker: Caller, title: str, entries: tuple[Entry, ...]) -> dict[str, Any]:
    current = request.resolver_match.url_name if request.resolver_match else ""
    items = []
    for entry in entries:
        url = _url(entry.page, asker)
        if url:
            is_current = current == entry.page or current in entry.under
            items.append({"url": url, "label": entry.label, "icon": entry.icon, "is_current": is_current})
    return {"title": title, "items": items}


def _url(page: str, asker: Caller) -> str:
    """Where the page is for the asker; empty where there is none for them."""
    for own in own_pages():
        if own.name == page:
            return reverse(page) if asker.is_administrator or not own.is_for_administrators else ""
    for route in routes():
        if route.name == page and (route.right is None or asker.has(route.right)):
            return reverse(page, kwargs={"workspace": asker.workspace.pk})
    return ""


def _banners(asker: Caller) -> list[dict[str, str]]:
    if asker.workspace.sending_enabled:
        return []
    words = "Sending is switched off in this workspace: accepted messages wait."
    return [{"tone": "warn", "words": words}]
