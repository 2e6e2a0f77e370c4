"""Names of countries in English, from the table that comes with the time zones."""

from functools import cache
from importlib import resources


def country_name(code: str) -> str:
    """The name of an ISO 3166 code; an unknown code is its own name."""
    return _names().get(code, code)


@cache
def _names() -> dict[str, str]:
    text = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    pairs = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: name for code, name, *_ in pairs}
