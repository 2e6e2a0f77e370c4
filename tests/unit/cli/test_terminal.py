"""How the command line talks."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gatepost.cli import api_client, demo_file, moments, terminal
from gatepost.cli.app import app, run
from gatepost.cli.demo_file import Demo, Simulators
from gatepost.cli.reference import reference
from gatepost.cli.terminal import Exit, Refusal, Steps

DEMO = Demo(
    url="http://127.0.0.1:8000",
    api_key="gp_demo_key",
    email="demo@gatepost.example",
    password="a password",
    simulators=Simulators("http://127.0.0.1:8090", "a token", {"one": 8091}, {"one": {"receipt": "/cb/receipt/x"}}),
)


@pytest.fixture(autouse=True)
def _no_installation_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEPOST_DATA_DIR", str(tmp_path))
    for name in ("GATEPOST_URL", "GATEPOST_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["gatepost", *arguments])
    try:
        return run()
    except SystemExit as end:
        return int(end.code or 0)


def test_the_demo_file_comes_back_as_it_was_written_and_hides_its_secrets_from_reprs(tmp_path: Path) -> None:
    demo_file.write(tmp_path, DEMO)

    assert demo_file.read(tmp_path) == DEMO
    for secret in ("gp_demo_key", "a password", "a token", "/cb/receipt/x"):
        assert secret not in repr(DEMO)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": "x"}', '{"simulators": 1}', "\xff"])
def test_a_demo_file_of_another_kind_is_no_demo(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_bytes(text.encode("latin-1"))

    assert demo_file.read(tmp_path) is None


def test_the_demos_key_never_goes_to_an_address_that_was_named(tmp_path: Path) -> None:
    demo_file.write(tmp_path, DEMO)

    assert api_client.connect(None, None).url == DEMO.url
    with pytest.raises(Refusal, match="no API key"):
        api_client.connect("https://elsewhere.example", None)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "file:///etc/passwd", "http://"])
def test_an_address_that_is_no_url_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(Refusal, match="not a URL"):
        api_client.connect(url, "key")


def test_a_gatepost_that_does_not_answer_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command(monkeypatch, "messages", "--url", "http://127.0.0.1:1", "--api-key", "gp_secret_key")

    said = capsys.readouterr()
    assert code == Exit.UNREACHABLE
    assert "gatepost up" in said.err
    assert "Traceback" not in said.err
    assert "gp_secret_key" not in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nonsense",), Exit.USAGE),
        (("send", "--to", "1"), Exit.USAGE),
        (("messages",), Exit.USAGE),
        (("messages", "--since", "yesterday", "--url", "http://127.0.0.1:1", "--api-key", "x"), Exit.USAGE),
        (("simulate", "no_such_provider"), Exit.REFUSED),
        (("provider", "new", "Not A Slug"), Exit.REFUSED),
        (("--help",), Exit.OK),
    ],
)
def test_each_kind_of_end_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: Exit
) -> None:
    assert command(monkeypatch, *arguments) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_setting_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEPOST_PORT", "eighty")

    assert command(monkeypatch, "up") == Exit.USAGE
    assert "GATEPOST_PORT" in capsys.readouterr().err


def test_a_moment_is_a_date_a_time_or_so_long_ago() -> None:
    now = datetime.now(UTC)

    ago = datetime.fromisoformat(moments.moment("2h") or "")

    assert abs(now - timedelta(hours=2) - ago) < timedelta(seconds=5)
    assert datetime.fromisoformat(moments.moment("2026-11-20T09:30+01:00") or "") == datetime(
        2026, 11, 20, 8, 30, tzinfo=UTC
    )
    assert moments.moment(None) is None


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "5", "h", "-2h", "999999d", "0001-01-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="not a moment"):
        moments.moment(text)


def test_what_people_wrote_is_never_taken_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_table(("Text",), [("[red]not red[/red]",), ("[/]",)], "none")

    assert "[red]not red[/red]" in capsys.readouterr().out


def test_steps_are_plain_lines_where_nobody_watches() -> None:
    written = io.StringIO()
    steps = Steps(Console(file=written, force_terminal=False))

    steps.begin("First")
    steps.begin("Second [of two]")
    steps.end()

    assert written.getvalue() == "First\nSecond [of two]\n"


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_json({"text": "zażółć €" * 50, "at": datetime(2026, 1, 1, tzinfo=UTC)})

    assert json.loads(capsys.readouterr().out)["text"] == "zażółć €" * 50


def test_the_page_of_the_command_line_has_every_command() -> None:
    page = reference()

    for each in app.registered_commands:
        callback: Any = each.callback
        name = each.name or callback.__name__
        assert each.hidden or f"## gatepost {name}\n" in page
    for group in app.registered_groups:
        assert f"## gatepost {group.name} " in page
