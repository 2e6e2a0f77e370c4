"""What a browser would send of a form as the page shows it."""

from html.parser import HTMLParser
from typing import Final

UNSAID: Final = ("file", "checkbox", "radio")
"""Inputs that say nothing by themselves."""


class _Form(HTMLParser):
    """Collects the fields of one form. Of a list of which nothing is chosen a browser sends the first entry."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.said: dict[str, list[str]] = {}
        self._form_id = form_id
        self._is_inside = False
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self._area = ""
        self._written = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = said.get("id") == self._form_id
        elif not self._is_inside:
            return
        elif tag == "textarea":
            self._area, self._written = said["name"], ""
        elif tag == "select":
            self._select, self._options = said["name"], []
        elif tag == "option" and self._select:
            self._options.append((said["value"], "selected" in said))
        elif tag == "input" and (said.get("type") not in UNSAID or "checked" in said):
            self._add(said["name"], said.get("value", "on" if "checked" in said else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "select" and self._select:
            chosen = [value for value, is_chosen in self._options if is_chosen]
            for value in chosen or [value for value, _ in self._options[:1]]:
                self._add(self._select, value)
            self._select = ""
        elif tag == "textarea" and self._area:
            self._add(self._area, self._written.removeprefix("\n").replace("\n", "\r\n"))
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._written += data

    def _add(self, name: str, value: str) -> None:
        self.said.setdefault(name, []).append(value)


def filled_in(page: str, form_id: str) -> dict[str, list[str]]:
    """The fields of the form with their values, without files and buttons."""
    form = _Form(form_id)
    form.feed(page)
    assert form.said, f"the page has no form {form_id!r}"
    return form.said
