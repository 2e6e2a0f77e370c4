"""Snapshots of workspaces, kept until something changes (or a few seconds, should the notice of a change be lost)."""

import asyncio
import time

from gatepost.dispatch.threads import in_thread
from gatepost.messages import snapshots
from gatepost.messages.wishes import Snapshot

FRESH_S = 3.0


class SnapshotCache:
    """Workspace to snapshot; a snapshot is loaded once however many ask for it at the same time."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, Snapshot]] = {}
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        self._known.clear()

    async def get(self, workspace_id: int) -> Snapshot:
        fresh_until, snapshot = self._known.get(workspace_id, (0.0, None))
        if snapshot is not None and time.monotonic() < fresh_until:
            return snapshot
        async with self._lock:
            fresh_until, snapshot = self._known.get(workspace_id, (0.0, None))
            if snapshot is None or time.monotonic() >= fresh_until:
                snapshot = await in_thread(snapshots.load, workspace_id)
                self._known[workspace_id] = (time.monotonic() + FRESH_S, snapshot)
        return snapshot
