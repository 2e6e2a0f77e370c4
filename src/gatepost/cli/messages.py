"""`gatepost send`, `messages` and `message`: through the REST API, as any program would."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from gatepost.cli.api_client import Api, connect
from gatepost.cli.moments import FORMS, clock, moment
from gatepost.cli.options import DataDirOption, JsonOption, KeyOption, UrlOption
from gatepost.cli.terminal import Exit, out, show_json, show_table
from gatepost.sms.states import FINAL, State, Word

POLL_S: Final = 0.2
_STYLES: Final = {Word.NEW: "cyan", Word.SENDING: "cyan", Word.SENT: "green", Word.ERROR: "red"}
_GOOD: Final = frozenset({State.DELIVERED, State.UNCONFIRMED})


def send(
    to: Annotated[list[str], typer.Option(help="Recipient's number; repeat for several.", metavar="NUMBER")],
    text: Annotated[str, typer.Option(help="The text; `-` reads standard input.")],
    sender: Annotated[str | None, typer.Option(help="An approved sender ID.", show_default=False)] = None,
    gateway: Annotated[str | None, typer.Option(help="Name or number of a gateway.", show_default=False)] = None,
    priority: Annotated[str | None, typer.Option(help="high, normal or low.", show_default=False)] = None,
    client_ref: Annotated[str | None, typer.Option(help="Your own reference.", show_default=False)] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to watch the states travel; 0 does not wait.")] = 30.0,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a text and watch it travel. Exit code 0 once all were delivered (or merely accepted with --wait 0)."""
    api = connect(url, api_key, data_dir)
    body = typer.get_text_stream("stdin").read() if text == "-" else text
    given = {"text": body, "sender": sender, "gateway": gateway, "priority": priority, "client_ref": client_ref}
    common = {name: value for name, value in given.items() if value is not None}
    answer = api.post("messages", body={"messages": [{"to": number, **common} for number in to]})
    taken = [each for each in answer["messages"] if "error" not in each]
    refused = [(number, each["error"]) for number, each in zip(to, answer["messages"], strict=True) if "error" in each]
    messages = _watch(api, taken, wait, is_quiet=as_json) if wait else taken
    if as_json:
        show_json({"messages": messages, "refused": [{"to": number, **error} for number, error in refused]})
    elif not wait:
        show_table(("Id", "To", "State", "Segments"), [_accepted(each) for each in taken], "Nothing was accepted.")
    for number, error in refused:
        out.print(f"[red]{escape(number)}: {escape(error['detail'])}[/red] {escape(error['remedy'])}", soft_wrap=True)
    raise typer.Exit(_verdict(messages, bool(refused), bool(wait)))


def messages(
    state: Annotated[list[State] | None, typer.Option(help="State; repeat for several.", show_default=False)] = None,
    word: Annotated[Word | None, typer.Option(help="The plain word of the state.", show_default=False)] = None,
    gateway: Annotated[str | None, typer.Option(help="Name or number of a gateway.", show_default=False)] = None,
    to: Annotated[str | None, typer.Option(help="A number or its beginning.", show_default=False)] = None,
    client_ref: Annotated[str | None, typer.Option(help="Your own reference.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option(help=f"From this moment on. {FORMS}", show_default=False)] = None,
    until: Annotated[str | None, typer.Option(help="Before this moment.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most messages to show.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on after an earlier page.", show_default=False)] = None,
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """The log: the workspace's messages, newest first."""
    api = connect(url, api_key, data_dir)
    found = api.get(
        "messages",
        state=[one.value for one in state or ()],
        word=word.value if word else None,
        gateway=_gateway_id(api, gateway),
        to=to.lstrip("+") if to else None,
        client_ref=client_ref,
        since=moment(since),
        until=moment(until),
        limit=limit,
        cursor=cursor,
    )
    if as_json:
        show_json(found)
        return
    rows = [
        (clock(m["created_at"])[5:], m["id"], m["to"], m["state"], _name(m["gateway"]), _short(m["text"]))
        for m in found["items"]
    ]
    show_table(("Created", "Id", "To", "State", "Gateway", "Text"), rows, "No messages.", is_cut=True)
    if found["next_cursor"]:
        out.print(f"More: --cursor {found['next_cursor']}", style="dim", soft_wrap=True, markup=False)


def message(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="As `gatepost messages` lists it.")],
    url: UrlOption = None,
    api_key: KeyOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """One message with everything that happened to it."""
    found = connect(url, api_key, data_dir).get("messages", message_id)
    if as_json:
        show_json(found)
        return
    for name in ("id", "state", "to", "sender", "gateway", "encoding", "segments", "client_ref", "provider_ref"):
        value = _name(found[name]) if name == "gateway" else found[name]
        if value not in (None, ""):
            out.print(f"{name.replace('_', ' '):14} {escape(str(value))}", soft_wrap=True)
    out.print(f"{'text':14} {escape(found['text'])}\n", soft_wrap=True)
    rows = [(clock(at["at"], exact=True), at["what"], _details(at["detail"])) for at in found["timeline"]]
    show_table(("When", "What", "Detail"), rows, "Nothing has happened yet.")
    _tell_refusal(found)


def _watch(api: Api, taken: Sequence[Mapping[str, Any]], wait: float, *, is_quiet: bool) -> list[dict[str, Any]]:
    """Follow the messages until all are final or the time is over; returns them as they are then."""
    known = {each["id"]: dict(each) for each in taken}
    deadline = time.monotonic() + wait
    is_live = out.is_terminal and not is_quiet
    with Live(_board(known.values()), console=out, auto_refresh=False) if is_live else _Silent() as live:
        for each in known.values():
            _say_state(each, is_quiet or is_live)
        while not all(_is_over(each) for each in known.values()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
            for message_id in [key for key, each in known.items() if not _is_over(each)]:
                now = api.get("messages", message_id)
                has_moved = now["state"] != known[message_id]["state"]
                known[message_id] = now
                if has_moved:
                    _say_state(now, is_quiet or is_live)
            live.update(_board(known.values()), refresh=True)
    if not is_quiet:
        for each in known.values():
            _tell_refusal(each)
    return list(known.values())


class _Silent:
    """Where no terminal shows the board."""

    def __enter__(self) -> "_Silent":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, board: Table, *, refresh: bool) -> None:
        return None


def _board(messages: Any) -> Table:
    table = Table.grid(padding=(0, 2))
    for each in messages:
        style = _STYLES.get(each.get("word", Word.NEW), "yellow")
        gateway = _name(each["gateway"]) if isinstance(each["gateway"], dict) else ""
        table.add_row(each["to"], f"[{style}]{escape(each['state'])}[/{style}]", escape(gateway), each["id"])
    return table


def _say_state(each: Mapping[str, Any], is_silent: bool) -> None:
    if not is_silent:
        out.print(f"{each['id']} {each['to']} {each['state']}", soft_wrap=True, markup=False)


def _is_over(each: Mapping[str, Any]) -> bool:
    """Final, or waiting for a person: an unknown outcome does not settle by watching."""
    return each["state"] in {*FINAL, State.UNKNOWN}


def _verdict(messages: Sequence[Mapping[str, Any]], has_refused: bool, has_waited: bool) -> Exit:
    states = {each["state"] for each in messages}
    if has_refused or states & {*FINAL, State.UNKNOWN} - _GOOD:
        return Exit.REFUSED
    return Exit.UNDECIDED if has_waited and states - _GOOD else Exit.OK


def _tell_refusal(each: Mapping[str, Any]) -> None:
    refusal = each.get("refusal")
    if refusal:
        words = " ".join(filter(None, (refusal["code"], refusal["words"])))
        out.print(
            f"{each['to']}: {refusal['class']}, on the side of: {refusal['side']}. {words} {refusal['advice']}",
            soft_wrap=True,
            markup=False,
        )


def _gateway_id(api: Api, wanted: str | None) -> int | None:
    from gatepost.cli.gateways import gateway_of

    return int(gateway_of(api, wanted)["id"]) if wanted else None


def _accepted(each: Mapping[str, Any]) -> tuple[object, ...]:
    return each["id"], each["to"], each["state"], f"{each['segments']} {each['encoding']}"


def _name(gateway: Mapping[str, Any] | None) -> str:
    return str(gateway["name"]) if gateway else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39] + "…"


def _details(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value not in (None, "", [], {}))
