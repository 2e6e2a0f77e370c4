"""All commands in one tree, and what becomes of what they raise."""

import sys

import typer

from gatepost.cli import doctor, gateways, keys, messages, nodes, people, provider, serve, simulate, up, workspaces
from gatepost.cli.terminal import EXIT_WORDS, Exit, Refusal, complain
from gatepost.config import ConfigError
from gatepost.problems import Problem
from gatepost.processes.errors import ProcessError

app = typer.Typer(
    name="gatepost",
    help="A self-hosted SMS platform: many SMS providers behind one console and one API.",
    epilog="Exit codes: " + "; ".join(f"{code.value} {words}" for code, words in EXIT_WORDS.items()) + ".",
    no_args_is_help=True,
    # Tracebacks with local variables would print secrets.
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command(rich_help_panel="Run")(up.up)
app.command(rich_help_panel="Run")(serve.web)
app.command(rich_help_panel="Run")(serve.worker)
app.command(rich_help_panel="Run")(serve.migrate)
app.command(rich_help_panel="Run")(doctor.doctor)
app.command(rich_help_panel="Run")(nodes.workers)
app.command(rich_help_panel="Use")(messages.send)
app.command(rich_help_panel="Use")(messages.messages)
app.command(rich_help_panel="Use")(messages.message)
app.add_typer(gateways.app, name="gateways", rich_help_panel="Use")
app.add_typer(people.app, name="users", rich_help_panel="Use")
app.command("sign-in-link", rich_help_panel="Use")(people.sign_in_link)
app.add_typer(workspaces.app, name="workspaces", rich_help_panel="Use")
app.add_typer(keys.app, name="keys", rich_help_panel="Use")
app.command(rich_help_panel="Develop")(simulate.simulate)
app.add_typer(provider.app, name="provider", rich_help_panel="Develop")


def run() -> int:
    """Run the command of this process's arguments; returns the exit code. Typer itself exits by SystemExit."""
    try:
        app()
    except Refusal as refusal:
        complain(refusal)
        return refusal.code
    except ConfigError as error:
        complain(Refusal(str(error)))
        return Exit.USAGE
    except Problem as problem:
        complain(Refusal(problem.detail, problem.remedy))
        return Exit.REFUSED
    except ProcessError as error:
        complain(Refusal(error.sentence, error.remedy, log=error.log))
        return Exit.REFUSED
    except BrokenPipeError:
        sys.stdout = None  # nobody reads: there is nothing to flush at the end
        return Exit.REFUSED
    return Exit.OK
