"""Chromium against a whole installation: web, worker and the simulated providers of the demo.

    def test_something(site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible) -> None:
        page = signed_in("operator")
        page.goto(site.at("gateways"))

A page that logs an error, or that breaks the content security policy, fails its test. SCREENSHOTS names a folder for
pictures of the pages; UPDATE_SCREENSHOTS=1 takes those anew that the docs use. Without either none are taken.

After an action only what waits may look: `expect(...)`, `wait_until`, `copied`. What reads at once (`count`, `all`,
`inner_text`, `input_value`, a query) may see the page, or the database, of before.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright
from tests.support.installation import Installation, installation, spawn, wait_until
from tests.support.ports import quiet_port
from tests.support.reporting import Say
from tests.support.tenants import ACTOR, Tenant

from gatepost.cli import demo, demo_file
from gatepost.simulators.demo import demo_accounts
from gatepost.workspaces import services
from gatepost.workspaces.models import Role, User, Workspace

HERE = Path(__file__).parent
COLOUR_RULES = "runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']},"
"""What another theme can break that the first one did not."""
IMAGES = HERE.parents[1] / "docs" / "images"
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
IS_UPDATE = os.environ.get("UPDATE_SCREENSHOTS") == "1"
ARE_PICTURES_WANTED = IS_UPDATE or "SCREENSHOTS" in os.environ
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 60_000
"""How long anything may take: on a busy machine everything does."""
WIDTHS = {1280: 900, 400: 850}
TALLEST = 1400
"""Pixels of a picture in the docs."""
START_TIMEOUT_S = 60.0
ADMINISTRATOR = "administrator"

EXPECTED = (
    # Every answer of 4xx; whether those are right is for the tests to say.
    "Failed to load resource: the server responded with",
    # What a page had asked for when it was left, or when a test cut the line.
    *("Failed to load resource: net::", "htmx:afterRequest", "htmx:sendAbort", "htmx:sendError"),
)
"""How the errors begin that Chromium logs and that are none."""

AS_A_PERSON_SEES_IT = """
    const hidden = new CSSStyleSheet();
    hidden.replaceSync("html { visibility: hidden }");
    document.adoptedStyleSheets = [hidden];
    document.addEventListener("DOMContentLoaded", () => { document.adoptedStyleSheets = [] });
"""
"""A test is quick enough to press a button between its arrival and the script that listens to it."""
WHAT_IT_SAYS = """
    (button) => {
        const said = [];
        const note = () => said.push(button.textContent.trim());
        new MutationObserver(note).observe(button, {subtree: true, childList: true, characterData: true});
        return said;
    }
"""
"""A test may be too slow to see what stands there for seconds only."""

expect.set_options(timeout=PATIENCE_MS)

Screenshot = Callable[..., list[Path]]
SignIn = Callable[..., Page]
Accessible = Callable[[Page], None]


@dataclass(frozen=True)
class Site:
    """A running installation with the workspace of the demo; Django of the test works on its database."""

    url: str
    installation: Installation
    tenant: Tenant

    @property
    def workspace(self) -> Workspace:
        return self.tenant.workspace

    def at(self, page: str, **parts: Any) -> str:
        """The address of a page of the workspace by its name."""
        return self.url + reverse(page, kwargs={"workspace": self.workspace.pk, **parts})

    def user(self, role: str) -> User:
        """The member with that role, or the administrator of the installation."""
        if role != ADMINISTRATOR:
            return self.tenant.member(Role(role))
        email = "admin@gp.example"
        found = User.objects.filter(email=email).first()
        return found or services.create_user(email, is_administrator=True, actor=ACTOR)


@pytest.fixture(scope="session")
def _driver() -> Iterator[Playwright]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright runs a loop of its own in this thread, which Django takes for a reason to refuse its database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as driver:
            yield driver


@pytest.fixture(scope="session")
def _chromium(_driver: Playwright) -> Iterator[Browser | None]:
    """None where there is no Chromium: the tests that need it skip, and say so."""
    if not CHROMIUM.exists():
        yield None
        return
    browser = _driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=2 * PATIENCE_MS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """One installation for the tests of a module; what they make in it stays until its last test."""
    folder = tmp_path_factory.mktemp("site")
    with (
        pytest.MonkeyPatch.context() as patch,
        django_db_blocker.unblock(),
        installation(folder, egress=["127.0.0.0/8"]) as running,
    ):
        patch.setitem(settings.CONFIG, "EGRESS_ALLOW", ("127.0.0.0/8",))
        patch.setitem(settings.CONFIG, "PUBLIC_URL", running.env["GATEPOST_PUBLIC_URL"])
        _start_demo(running, folder)
        yield Site(running.env["GATEPOST_PUBLIC_URL"], running, Tenant(Workspace.objects.get(name=demo.WORKSPACE)))


def _start_demo(running: Installation, folder: Path) -> None:
    """The demo's workspace, gateways and simulated providers, and the processes."""
    port = quiet_port()
    ports = {account.name: quiet_port() for account in demo_accounts()}
    here, mail_port = running.env["GATEPOST_PUBLIC_URL"], quiet_port()
    seeded = demo.seed(None, here, f"http://127.0.0.1:{port}", ports, mail_port, has_past=ARE_PICTURES_WANTED)
    demo_file.write(folder, seeded)
    # Messages that no test sent would meet the faults that one prepares; only pictures are better with some life.
    serve = f"demo_simulators.serve(Path({str(folder)!r}), has_traffic={ARE_PICTURES_WANTED})"
    program = f"from pathlib import Path; from gatepost.cli import demo_simulators; {serve}"
    running.processes.append(spawn("simulators", [sys.executable, "-c", program], folder, running.env))
    running.start_worker()
    running.start_web()
    wait_until(lambda: _listens(port), START_TIMEOUT_S, "the simulated providers")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def signed_in(site: Site, _chromium: Browser | None, say: Say) -> Iterator[SignIn]:
    """`signed_in(role, width=1280, scheme="light")`: a page of a browser of its own, signed in as that member."""
    if _chromium is None:
        say(f"skipped: there is no Chromium at {CHROMIUM}", is_loud=True)
        pytest.skip("no Chromium")
    contexts = []
    errors: list[str] = []

    def open_page(role: str, *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Page:
        client = Client()
        client.force_login(site.user(role))
        context = _chromium.new_context(
            viewport={"width": width, "height": WIDTHS.get(width, 900)},
            color_scheme=scheme,
            timezone_id="Europe/Warsaw",
            locale="en-GB",
            base_url=site.url,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}])
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(AS_A_PERSON_SEES_IT)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda entry: errors.append(entry.text) if entry.type == "error" else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    wrong = [error for error in errors if not error.startswith(EXPECTED)]
    assert not wrong, wrong


@pytest.fixture
def screenshot(tmp_path: Path) -> Screenshot:
    """`screenshot(page, name)`: the page at both widths in both themes; the files, none where nobody wants any."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> list[Path]:
        if not ARE_PICTURES_WANTED:
            return []
        before = page.viewport_size
        files = []
        for width, height in WIDTHS.items():
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)
                used = IMAGES / f"{name}-{width}-{scheme}.png"
                file = used if IS_UPDATE and used.exists() else folder / used.name
                # In a window of its own height nothing that sticks to an edge lies upon the page.
                whole = max(height, page.evaluate("document.documentElement.scrollHeight"))
                page.set_viewport_size({"width": width, "height": min(whole, TALLEST) if file == used else whole})
                page.screenshot(path=file, animations="disabled")
                files.append(file)
        page.emulate_media(color_scheme="light")
        if before:
            page.set_viewport_size(before)
        return files

    return take


@pytest.fixture
def is_accessible(say: Say) -> Accessible:
    """`is_accessible(page)` fails for serious faults that axe finds, in both themes."""

    def look(page: Page) -> None:
        if not AXE.exists():
            say(f"axe was not asked: run `npm ci` in {HERE.name}/", is_loud=True)
            return
        page.evaluate(AXE.read_text("utf-8"))
        for scheme, rules in (("light", ""), ("dark", COLOUR_RULES)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = page.evaluate(f"axe.run(document, {{{rules} resultTypes: ['violations']}})")
            serious = [
                f"{fault['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
                for fault in found["violations"]
                if fault["impact"] in ("serious", "critical")
                for node in fault["nodes"]
            ]
            assert not serious, f"{scheme}: " + "\n".join(serious)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    return look


@pytest.fixture
def fits() -> Callable[[Page], None]:
    """`fits(page)` fails where a page is wider than a phone of 400 px and has to be scrolled sideways."""

    def look(page: Page) -> None:
        before = page.viewport_size
        page.set_viewport_size({"width": 400, "height": WIDTHS[400]})
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        if before:
            page.set_viewport_size(before)

    return look


def copied(page: Page, button: Locator) -> str:
    """What the button puts on the clipboard, which the whole browser shares; it says so for a moment."""
    page.evaluate("navigator.clipboard.writeText('')")
    said = button.evaluate_handle(WHAT_IT_SAYS)
    button.click()
    found: list[str] = []

    def is_there() -> bool:
        found.append(page.evaluate("navigator.clipboard.readText()"))
        return found[-1] != ""

    wait_until(is_there, PATIENCE_MS / 1000, "something on the clipboard")
    wait_until(lambda: "Copied" in said.json_value(), PATIENCE_MS / 1000, "the button to say so")
    return found[-1]
