"""What `gatepost provider new` writes: a module, a folder of exchanges and a page of quirks that work at once."""

import json
import keyword
import re
from pathlib import Path

SLUG = re.compile(r"[a-z][a-z0-9_]{1,40}")
RESERVED = frozenset({"base", "fields", "kit", "manifest", "quality", "registry", "wire"})

MODULE = '''"""@LABEL@, https://documentation.example. Facts of 2026-01.

Not supported: receipts, inbound messages, balance.
"""

from gatepost.providers.base import Batch, Context, Flow, Gateway, MalformedAnswer, Results, send
from gatepost.providers.fields import Secret, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.tables import Refused
from gatepost.providers.manifest import Manifest
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Refusal, accepted

manifest = Manifest(
    slug="@SLUG@",
    label=@QUOTED@,
    confidence="documented",
    facts="2026-01",
    docs="https://documentation.example",
    fields=(
        Url("base_url", default="https://api.example"),
        Secret("api_key", required=True, help="Where the provider shows it."),
    ),
)

REFUSED = Refused(
    {
        "invalid_number": (Refusal.BAD_RECIPIENT, "Invalid number"),
        "unauthorized": (Refusal.AUTH, "The key is not valid"),
    }
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    body = {"to": message.to, "text": message.text, "from": message.sender, "reference": message.ref}
    request = requests.post_json(gw.url("/messages"), body, headers=(requests.bearer(gw["api_key"]),))
    response: Response = yield send(request)
    answer = answers.read_json(response)
    if code := answer.maybe_text("error"):
        return batch.all(REFUSED.outcome(code, answer.maybe_text("message"), answers.retry_after(response, ctx.now)))
    if response.status >= 300:
        raise MalformedAnswer(f"HTTP status {response.status}")
    return batch.all(accepted(answer.text("id")))
'''

EXCHANGES = """name: a single message is accepted
origin: composed
source: "where the provider says so"
kind: submit
gateway: {api_key: key-1}
given:
  - {ref: a1b2c3, to: "48100200300", text: Hello, sender: Acme}
steps:
  - is_send: true
    expect:
      method: POST
      url: "https://api.example/messages"
      headers: {authorization: Bearer key-1}
      json: {to: "48100200300", text: Hello, from: Acme, reference: a1b2c3}
    serve: {status: 200, json: {id: "1001"}}
result:
  a1b2c3: {kind: accepted, keys: ["1001"]}
"""

PAGE = """# @LABEL@

## What it does

Sends single messages.

## Set-up at the provider

1. Create an API key and paste it.

## Limits

Not known.

## Quirks

None known.

## Not supported

Receipts, inbound messages, balance.

## Sources' confidence

Say here what was read, and what could not be verified.
"""


class ScaffoldError(ValueError):
    """Nothing was written; the text says why."""


def new_provider(slug: str, label: str, root: Path) -> list[Path]:
    """Write the three parts of a new provider under the project folder `root`; the paths that were written.

    Raises ScaffoldError for a name that cannot be a module, for a label with line breaks, or where one of the parts
    exists already; then nothing is written.
    """
    if not SLUG.fullmatch(slug) or keyword.iskeyword(slug) or slug in RESERVED:
        raise ScaffoldError(f"{slug!r} cannot be a provider's name: small letters, digits and _, a letter first.")
    if not label.strip() or not label.isprintable() or "\\" in label or '"' in label:
        raise ScaffoldError("The label must be one line of text without quotes and backslashes.")
    package = root / "src" / "gatepost" / "providers"
    if not (package / "registry.py").is_file():
        raise ScaffoldError(f"{root} is not the project's folder: {package} is not there.")
    parts = {
        package / f"{slug}.py": MODULE,
        root / "tests" / "providers" / slug / "send.yaml": EXCHANGES,
        root / "docs" / "providers" / "quirks" / f"{slug}.md": PAGE,
    }
    for path in (*parts, package / slug):
        if path.exists():
            raise ScaffoldError(f"{path} exists already.")
    for path, template in parts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(template, slug, label.strip()), "utf-8")
    return list(parts)


def _filled(template: str, slug: str, label: str) -> str:
    quoted = json.dumps(label, ensure_ascii=False)
    return template.replace("@QUOTED@", quoted).replace("@LABEL@", label).replace("@SLUG@", slug)
