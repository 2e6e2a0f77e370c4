"""The REST API from the command line."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from gatepost.cli import demo_file
from gatepost.cli.options import chosen_data_dir
from gatepost.cli.terminal import Exit, Refusal

TIMEOUT_S: Final = 60.0
"""Longer than any check of a gateway takes."""


class Api:
    """One workspace of one installation, by its API key."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refusal(
                "The address of Gatepost is not a URL.",
                "Write it as http://127.0.0.1:8000 or https://sms.example.com.",
                code=Exit.USAGE,
            )
        self.url = url.rstrip("/")
        self._key = key
        self._opener = _opener(parts.hostname)

    def __repr__(self) -> str:
        return f"Api({self.url!r})"

    def get(self, *path: object, **query: Any) -> Any:
        """What is at /api/v1/<path>; a query value that is None or empty is left out, a list is repeated."""
        asked = {name: value for name, value in query.items() if value not in (None, "", [], ())}
        return self._call("GET", path, query=asked)

    def post(self, *path: object, body: Any = None) -> Any:
        return self._call("POST", path, body={} if body is None else body)

    def delete(self, *path: object, **query: Any) -> Any:
        return self._call("DELETE", path, query=query)

    def _call(
        self, method: str, path: tuple[object, ...], *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        address = f"{self.url}/api/v1/" + "/".join(quote(str(part), safe="") for part in path)
        if query:
            address += "?" + urlencode(query, doseq=True)
        request = urllib.request.Request(address, method=method)  # noqa: S310 - the constructor took http(s) only
        request.add_header("Authorization", f"Bearer {self._key}")
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        return _json(self._answer(request))

    def _answer(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                read: bytes = response.read()
                return read
        except urllib.error.HTTPError as error:
            raise _refusal(error.code, error.read()) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise Refusal(
                f"Gatepost at {self.url} cannot be reached: {getattr(reason, 'strerror', None) or reason}.",
                "Start it with `gatepost up`, or name another address with --url.",
                code=Exit.UNREACHABLE,
            ) from None


def connect(url: str | None, key: str | None, data_dir: Path | None = None) -> Api:
    """The API by options, else by GATEPOST_URL and GATEPOST_API_KEY, else the demo in the data folder."""
    url = url or os.environ.get("GATEPOST_URL")
    key = key or os.environ.get("GATEPOST_API_KEY")
    if not (url and key):
        demo = demo_file.read(chosen_data_dir(data_dir))
        # The demo's key goes to the demo only, never to an address that was named.
        if demo is not None and url in (None, "", demo.url):
            url, key = demo.url, key or demo.api_key
    if not url:
        raise Refusal(
            "Which Gatepost is meant is not known.",
            "Set GATEPOST_URL (or --url), or start the demo with `gatepost up --demo`.",
            code=Exit.USAGE,
        )
    if not key:
        raise Refusal(
            "There is no API key.",
            "Set GATEPOST_API_KEY; `gatepost keys create` makes a key.",
            code=Exit.USAGE,
        )
    return Api(url, key)


def _opener(host: str) -> urllib.request.OpenerDirector:
    """Follows no redirect, which could carry the key elsewhere, and asks no proxy about this machine."""
    is_here = host == "localhost" or host.startswith("127.") or host == "::1"
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({} if is_here else None),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        raise Refusal(
            "What answered is not Gatepost.", "Check the address (--url, GATEPOST_URL).", code=Exit.UNREACHABLE
        ) from None


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        problem = json.loads(body)
        detail, remedy = str(problem["detail"]), str(problem["remedy"])
    except (ValueError, KeyError, TypeError):
        return Refusal(
            f"The server answered with HTTP status {status}.",
            "Check the address (--url, GATEPOST_URL) and the server's log.",
            code=Exit.UNREACHABLE,
        )
    more = [fault["detail"] for fault in problem.get("errors", ()) if fault["detail"] not in detail]
    more += [f"{each['count']} {each['what']} {each['then']}" for each in problem.get("affected", ())]
    return Refusal("\n".join([detail, *dict.fromkeys(more)]), remedy)
