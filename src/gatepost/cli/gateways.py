"""`gatepost gateways`: through the REST API."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from gatepost.cli.api_client import Api, connect
from gatepost.cli.moments import clock
from gatepost.cli.options import DataDirOption, JsonOption, KeyOption, UrlOption
from gatepost.cli.terminal import Exit, Refusal, out, show_json, show_table

app = typer.Typer(no_args_is_help=True, help="The accounts at providers through which messages are sent.")

Which = Annotated[str, typer.Argument(metavar="GATEWAY", help="Name or number of the gateway.")]
_PAGE: Final = 200


@app.command("list")
def list_gateways(
    url: UrlOption = None, api_key: KeyOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """The gateways of the workspace."""
    found = _all(connect(url, api_key, data_dir))
    if as_json:
        show_json(found)
        return
    rows = [(g["id"], g["name"], g["provider_label"], g["identifier"], _standing(g), _secrets(g)) for g in found]
    headings = ("Number", "Name", "Provider", "Account", "State", "Secrets")
    show_table(headings, rows, "There is no gateway yet: add one with `gatepost gateways add PROVIDER`.")


@app.command("providers")
def list_providers(
    slug: Annotated[str | None, typer.Argument(help="Show one provider with its fields.", show_default=False)] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """The catalogue: what Gatepost can send through, and what each needs to know."""
    api = connect(url, api_key, data_dir)
    found = api.get("providers", slug) if slug else api.get("providers")
    if as_json:
        show_json(found)
    elif slug:
        _show_provider(found)
    else:
        rows = [(p["slug"], p["label"], ", ".join(p["countries"]), _offers(p), p["confidence"]) for p in found]
        show_table(("Provider", "Name", "Countries", "Offers", "Facts"), rows, "There are no providers.")


@app.command("add")
def add_gateway(
    provider: Annotated[str, typer.Argument(help="As `gatepost gateways providers` lists it.")],
    name: Annotated[str | None, typer.Option(help="What you call it.", show_default=False)] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A field of the provider; repeat.", show_default=False),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--secret-file",
            metavar="NAME=FILE",
            help="A secret from a file (`-`: standard input), so that it is on no command line.",
            show_default=False,
        ),
    ] = None,
    common: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A setting that every gateway has, such as sender.", show_default=False
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Begin with a ready set of fields.", show_default=False)] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a gateway. On a terminal it asks for what was not given; secrets are not shown while you type."""
    api = connect(url, api_key, data_dir)
    entry = api.get("providers", provider)
    settings: dict[str, Any] = _preset(entry, preset) | _pairs(given or ())
    settings |= {field: _secret_from(path) for field, path in _pairs(files or ()).items()}
    if sys.stdin.isatty() and out.is_terminal:
        name = name or typer.prompt("Name of the gateway", default=entry["label"])
        _ask(entry["fields"], settings)
    body = {"provider": provider, "name": name or entry["label"], "settings": settings}
    made = api.post("gateways", body=body | {key: _plain(value) for key, value in _pairs(common or ()).items()})
    if as_json:
        show_json(made)
        return
    out.print(f"Gateway {made['id']} {escape(made['name'])} was added.")
    for kind, address in made["callback_urls"].items():
        out.print(f"For {kind}: {address}", soft_wrap=True, markup=False)
    out.print(f"Try it: gatepost gateways check {made['id']}", style="dim")


@app.command("check")
def check_gateway(
    gateway: Which,
    show_steps: Annotated[bool, typer.Option("--steps", help="Show each request and answer, secrets masked.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a harmless call to the provider with the saved settings. Exit code 0 when all is in order."""
    api = connect(url, api_key, data_dir)
    result = api.post("gateways", gateway_of(api, gateway)["id"], "check")
    if as_json:
        show_json(result)
    else:
        _show_result(result, show_steps)
    raise typer.Exit(Exit.OK if result["ok"] else Exit.REFUSED)


@app.command("delete")
def delete_gateway(
    gateway: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Delete a gateway, after showing what that affects."""
    api = connect(url, api_key, data_dir)
    found = gateway_of(api, gateway)
    for effect in api.get("gateways", found["id"], "affected")["affected"]:
        out.print(f"{effect['count']} {effect['what']} {effect['then']}", markup=False)
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Delete {found['name']}?")):
        raise Refusal("Nothing was deleted.", "Repeat with --yes.")
    api.delete("gateways", found["id"], confirm="true")
    out.print(f"Gateway {escape(found['name'])} was deleted.")


def gateway_of(api: Api, wanted: str) -> dict[str, Any]:
    """The gateway of that number or, in any case, name."""
    found: list[dict[str, Any]] = _all(api)
    for each in found:
        if str(each["id"]) == wanted or each["name"].lower() == wanted.lower():
            return each
    known = ", ".join(each["name"] for each in found) or "none"
    raise Refusal(f"The workspace has no gateway {wanted!r}.", f"Known: {known}.")


def _all(api: Api) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.get("gateways", limit=_PAGE, cursor=cursor)
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return sorted(items, key=lambda each: int(each["id"]))


def _ask(fields: Sequence[Mapping[str, Any]], settings: dict[str, Any]) -> None:
    """Ask for the fields that apply and were not given; what is optional may stay empty."""
    for field in fields:
        if field["name"] in settings or not _applies(field, settings, fields):
            continue
        if field["help"]:
            out.print(escape(field["help"]), style="dim", soft_wrap=True)
        value = _ASKERS.get(field["kind"], _ask_line)(field)
        if value not in (None, "", field["default"]):
            settings[field["name"]] = value


def _applies(field: Mapping[str, Any], settings: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the field is shown, given the values of others (or their defaults)."""
    defaults = {each["name"]: each["default"] for each in fields}
    for name, wanted in (field["when"] or {}).items():
        value = settings.get(name, defaults.get(name))
        if value not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def _ask_line(field: Mapping[str, Any]) -> Any:
    default = "" if field["default"] is None or not isinstance(field["default"], str | int) else field["default"]
    return typer.prompt(_title(field), default=default, show_default=default != "")


def _ask_secret(field: Mapping[str, Any]) -> Any:
    return typer.prompt(_title(field), default="", hide_input=True, show_default=False)


def _ask_flag(field: Mapping[str, Any]) -> Any:
    return typer.confirm(field["label"], default=bool(field["default"]))


def _ask_choice(field: Mapping[str, Any]) -> Any:
    choices = [choice["value"] for choice in field["choices"]]
    while True:
        value = typer.prompt(f"{field['label']} ({', '.join(choices)})", default=field["default"] or choices[0])
        if value in choices:
            return str(value)


def _ask_lines(field: Mapping[str, Any]) -> Any:
    """Until an empty line; PEM and other long texts come this way."""
    out.print(f"{escape(_title(field))} (end with an empty line)")
    return "\n".join(iter(lambda: typer.prompt("", default="", show_default=False, prompt_suffix=""), ""))


_ASKERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "secret": _ask_secret,
    "flag": _ask_flag,
    "choice": _ask_choice,
    "lines": _ask_lines,
    "long_text": _ask_lines,
    "pem": _ask_lines,
}


def _title(field: Mapping[str, Any]) -> str:
    return str(field["label"]) + ("" if field["required"] else " (optional)")


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise Refusal(f"{text!r} is not NAME=VALUE.", code=Exit.USAGE)
    return {name.strip(): value for name, _, value in (text.partition("=") for text in texts)}


def _preset(entry: Mapping[str, Any], wanted: str | None) -> dict[str, Any]:
    known = {each["slug"]: each["settings"] for each in entry["presets"]}
    if wanted is not None and wanted not in known:
        raise Refusal(f"There is no preset {wanted!r}.", f"Known: {', '.join(known) or 'none'}.", code=Exit.USAGE)
    return dict(known[wanted]) if wanted is not None else {}


def _secret_from(path: str) -> str:
    try:
        return (sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refusal(f"{path} cannot be read: {reason}.", code=Exit.USAGE) from None


def _plain(value: str) -> Any:
    """A JSON value where it is one (true, 5, ["48"]), else the text."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _standing(gateway: Mapping[str, Any]) -> str:
    if gateway["paused_reason"]:
        return f"paused: {gateway['paused_reason']}"
    if not gateway["is_active"]:
        return "inactive"
    words = ["active" if gateway["sending_enabled"] else "sending disabled"]
    return ", ".join(words + (["default"] if gateway["is_default"] else []))


def _secrets(gateway: Mapping[str, Any]) -> str:
    days = {name: clock(state["set_at"])[:10] for name, state in gateway["secrets"].items()}
    return ", ".join(f"{name} set on {day}" for name, day in days.items() if day) or "none set"


def _offers(provider: Mapping[str, Any]) -> str:
    if provider["unfit"]:
        return f"cannot be served: {provider['unfit']}"
    able = provider["capabilities"]
    words = [f"batch {able['batch']}"] if able["batch"] else []
    words += [f"receipts by {', '.join(able['receipts'])}"] if able["receipts"] else []
    words += [f"inbound {', '.join(able['inbound'])}"] if able["inbound"] else []
    return "; ".join(words + [name for name in ("balance", "query", "check") if able[name]])


def _show_provider(entry: Mapping[str, Any]) -> None:
    out.print(f"[bold]{escape(entry['label'])}[/bold]  {entry['slug']}  {_offers(entry)}", soft_wrap=True)
    for line in (*entry["setup"], entry["docs"]):
        if line:
            out.print(line, soft_wrap=True, markup=False)
    rows = [
        (f["name"], f["kind"], "yes" if f["required"] else "", _short_default(f), f["help"]) for f in entry["fields"]
    ]
    show_table(("Field", "Kind", "Needed", "Default", "Help"), rows, "It needs no settings.")
    if entry["presets"]:
        out.print("Presets: " + ", ".join(each["slug"] for each in entry["presets"]), markup=False)


def _short_default(field: Mapping[str, Any]) -> str:
    default = field["default"]
    return "" if default in (None, "", [], False) else str(default)


def _show_result(result: Mapping[str, Any], with_steps: bool) -> None:
    mark = "[green]In order.[/green]" if result["ok"] else "[red]Not in order.[/red]"
    out.print(f"{mark} {escape(result['words'])}", soft_wrap=True)
    if result["balance"]:
        out.print(f"Balance: {result['balance']['amount']} {result['balance']['unit']}", markup=False)
    if not result["ok"]:
        out.print(f"Side: {result['side']}   Code: {result['code']}", markup=False)
        out.print(result["advice"], soft_wrap=True, markup=False)
    for step in result["steps"] if with_steps else ():
        answered = f"HTTP status {step['status']}" if step["status"] is not None else step["failure"]
        out.print(f"\n{step['label']}: {answered} in {step['total_ms']:.0f} ms", markup=False)
        out.print(step["curl"], style="dim", soft_wrap=True, markup=False)
        out.print(step["response_body"], soft_wrap=True, markup=False)
