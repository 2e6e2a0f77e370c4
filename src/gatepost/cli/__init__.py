"""The command line: one file per group of commands. Nothing heavy is loaded before a command needs it."""


def main() -> int:
    """Run the command of this process's arguments; returns the exit code."""
    from gatepost.cli.app import run

    return run()
