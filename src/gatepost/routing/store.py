"""Statements of routing for those who have no ORM at hand."""

from typing import Final

LAST_WROTE: Final = """
    insert into conversation (workspace_id, digits, gateway_id) values (%s, %s, %s)
    on conflict (workspace_id, digits) do update set gateway_id = excluded.gateway_id, at = now()
"""
"""That a number wrote to a workspace through a gateway: workspace, digits, gateway."""
