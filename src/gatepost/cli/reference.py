"""The page of the command line for the docs, made from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import typer.main

from gatepost.cli.app import app
from gatepost.cli.terminal import EXIT_WORDS


def reference() -> str:
    """The page in Markdown."""
    lines = [
        "# Command line",
        "",
        "`gatepost COMMAND --help` shows the same at the terminal.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code.value} | {words} |" for code, words in EXIT_WORDS.items()),
        "",
    ]
    for path, command in _commands(typer.main.get_command(app), "gatepost"):
        lines += [f"## {path}", "", _text(command), "", f"`{_usage(path, command)}`", ""]
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines += ["| option | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every visible command that can be run, with its path; groups only lead there."""
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _commands(child, f"{path} {name}")


def _text(command: Any) -> str:
    return " ".join((command.help or "").split())


def _usage(path: str, command: Any) -> str:
    arguments = [_metavar(each) for each in command.params if each.param_type_name == "argument"]
    has_options = any(each.param_type_name == "option" and each.name != "help" for each in command.params)
    return " ".join([path, *(["[OPTIONS]"] if has_options else []), *arguments])


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = ", ".join(f"`{each}`" for each in parameter.opts) if is_option else f"`{_metavar(parameter)}`"
    if is_option and parameter.metavar:
        name += f" {parameter.metavar}"
    default = "needed" if parameter.required else _default(parameter)
    return f"| {name} | {default} | {' '.join((parameter.help or '').split()).replace('|', '/')} |"


def _default(parameter: Any) -> str:
    value = parameter.default
    return "" if value in (None, False, "", ()) or callable(value) else f"`{value}`"
