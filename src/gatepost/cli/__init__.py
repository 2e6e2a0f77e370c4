"""The command line: one file per group of commands. Nothing heavy is loaded before a command needs it."""

INTERRUPTED = 130
"""The exit code of a command that was stopped by Ctrl-C, as shells have it; `gatepost up` ends with 0."""


def main() -> int:
    """Run the command of this process's arguments; returns the exit code."""
    try:
        from gatepost.cli.app import run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
