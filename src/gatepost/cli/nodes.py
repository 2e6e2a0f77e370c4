"""`gatepost workers`: who drives what, from the database of this machine."""

from gatepost.cli.installation import find, open_django
from gatepost.cli.options import DataDirOption, JsonOption
from gatepost.cli.terminal import out, show_json, show_table


def workers(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """The workers of the installation, wherever they run, and the gateways that each drives."""
    open_django(find(data_dir, needs_keys=False))
    from gatepost.dispatch.nodes import nodes

    found = nodes()
    if as_json:
        workers = [
            {
                "id": node.id,
                "host": node.host,
                "pid": node.pid,
                "started_at": node.started_at.isoformat(),
                "seen_at": node.seen_at.isoformat(),
                "is_alive": node.is_alive,
                "gateways": [held.name for held in node.gateways],
            }
            for node in found.workers
        ]
        show_json({"workers": workers, "idle": found.idle})
        return
    rows = [
        (
            node.host,
            node.pid,
            "running" if node.is_alive else "silent",
            f"{node.started_at:%Y-%m-%d %H:%M:%S}",
            ", ".join(held.name for held in node.gateways) or "nothing",
        )
        for node in found.workers
    ]
    headings = ("Host", "Process", "State", "Started (UTC)", "Drives")
    show_table(headings, rows, "No worker is running: `gatepost worker` starts one.")
    if found.idle:
        out.print(f"Driven by nobody at this moment: {', '.join(found.idle)}", markup=False)
