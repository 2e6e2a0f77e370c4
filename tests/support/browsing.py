"""A console without a browser: pages fetched over HTTP, their forms filled in and their buttons pressed.

    console = Browser("http://127.0.0.1:8000")
    page = console.get("/accounts/login/")
    page = console.press(page, "Sign in", login="me@example.com", password="...")

Only what a page offers can be typed into or pressed; anything else fails the test with the page's words.
"""

import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

TIMEOUT_S = 60.0
MOST_REDIRECTS = 5

Attributes = dict[str, str]


@dataclass(slots=True)
class Control:
    """A field of a form. `value` None: a box that is not ticked, which is not sent."""

    kind: str
    value: str | None = ""
    ticked: str = "on"


@dataclass(slots=True)
class Button:
    words: str
    attributes: Attributes


@dataclass(slots=True)
class Form:
    action: str
    controls: dict[str, Control] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)


@dataclass
class Page:
    """`path` is where the redirects ended."""

    status: int
    path: str
    html: str

    @property
    def words(self) -> str:
        """What can be read on it."""
        return _squeezed(self._read.words)

    @property
    def forms(self) -> dict[str, Form]:
        return self._read.forms

    @property
    def panel(self) -> str:
        """The words of the result panel, or all where there is none."""
        _, found, rest = self.html.partition('<div id="test-result"')
        return _squeezed(_read("<div" + rest.partition("</section>")[0]).words) if found else self.words

    @cached_property
    def _read(self) -> "_Reader":
        return _read(self.html)

    def form_with(self, button: str) -> tuple[Form, Button]:
        """The form that has the button with these words, as its beginning."""
        for form in self.forms.values():
            for offered in form.buttons:
                if offered.words.startswith(button):
                    return form, offered
        raise AssertionError(f"{self.path} has no button {button!r}: {self.words}")

    def offers(self, button: str) -> bool:
        return any(offered.words.startswith(button) for form in self.forms.values() for offered in form.buttons)


class Browser:
    """One person's session: cookies, redirects, and the fields that a form has already."""

    def __init__(self, url: str, cookies: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.cookies = dict(cookies or {})

    def get(self, path: str) -> Page:
        return self._follow("GET", path, b"")

    def press(self, page: Page, button: str, **typed: str | bool | None) -> Page:
        """Type into the form that has the button, and press it. A box takes True or False; None leaves as it is."""
        form, pressed = page.form_with(button)
        _type(page, form, typed)
        sent = [(name, control.value) for name, control in form.controls.items() if control.value is not None]
        if pressed.attributes.get("name"):
            sent.append((pressed.attributes["name"], pressed.attributes.get("value", "")))
        target = urljoin(page.path, pressed.attributes.get("formaction") or form.action or page.path)
        return self._follow("POST", target, urlencode(sent).encode())

    def _follow(self, method: str, path: str, body: bytes) -> Page:
        for _ in range(MOST_REDIRECTS):
            status, html, location = self._ask(method, path, body)
            if status not in (301, 302, 303):
                return Page(status, path, html)
            method, path, body = "GET", urljoin(path, location), b""
        raise AssertionError(f"{path} leads in circles")

    def _ask(self, method: str, path: str, body: bytes) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(cookie).items()}
            return answer.status, answer.read().decode(), answer.headers.get("Location", "")
        finally:
            connection.close()


def _type(page: Page, form: Form, typed: Mapping[str, str | bool | None]) -> None:
    for name, value in typed.items():
        control = form.controls.get(name)
        assert control is not None, f"{page.path} has no field {name!r}, only {sorted(form.controls)}"
        if value is None:
            continue
        if control.kind == "checkbox":
            control.value = control.ticked if value else None
        else:
            assert isinstance(value, str), f"{name} of {page.path} is no box to tick"
            control.value = value


def _read(html: str) -> "_Reader":
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def _squeezed(words: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(words)).strip()


class _Reader(HTMLParser):
    """Collects forms with the fields that belong to them, inside or by their attribute `form`."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self.words: list[str] = []
        self._form = ""
        self._text: tuple[str, str] | None = None
        self._select = ""
        self._button: Button | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in ("script", "style"):
            self._silent += 1
        elif tag == "form":
            self._form = attributes.get("id") or f"form-{len(self.forms)}"
            self._of(self._form).action = attributes.get("action", "")
        elif tag == "button" and attributes.get("type", "submit") == "submit":
            self._button = Button("", attributes)
            self._of(attributes.get("form", self._form)).buttons.append(self._button)
        elif tag in _FIELDS and attributes.get("name"):
            self._field(tag, attributes)
        elif tag == "option" and self._select:
            control = self._of(self._form).controls[self._select]
            if "selected" in attributes or control.value == "":
                control.value = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent -= 1
        elif tag == "form":
            self._form = ""
        elif tag == "textarea":
            self._text = None
        elif tag == "select":
            self._select = ""
        elif tag == "button":
            self._button = None

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._text:
            form, name = self._text
            control = self._of(form).controls[name]
            # Browsers leave out the line end that a text begins with.
            control.value = (control.value or "") + (data if control.value else data.removeprefix("\n"))
            return
        if self._button is not None:
            self._button.words = f"{self._button.words} {data}".strip()
        self.words.append(data)

    def _field(self, tag: str, attributes: Attributes) -> None:
        name, kind = attributes["name"], attributes.get("type", "text") if tag == "input" else tag
        form = attributes.get("form", self._form)
        controls = self._of(form).controls
        if kind == "checkbox":
            ticked = attributes.get("value", "on")
            if "checked" in attributes or name not in controls:
                controls[name] = Control(kind, ticked if "checked" in attributes else None, ticked)
            return
        controls[name] = Control(kind, attributes.get("value", ""))
        if tag == "textarea":
            self._text = (form, name)
        elif tag == "select":
            self._select = name

    def _of(self, form: str) -> Form:
        return self.forms.setdefault(form, Form(""))


_FIELDS = ("input", "textarea", "select")
