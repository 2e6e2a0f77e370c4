"""Every simulator there is, found by discovery: a module of this package that has a `simulator`."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from gatepost import simulators
from gatepost.simulators.engine import Simulator


@cache
def all_simulators() -> Mapping[str, Simulator]:
    """Slug to simulator, in order of the slug."""
    found = {}
    for module_info in pkgutil.iter_modules(simulators.__path__):
        module = importlib.import_module(f"{simulators.__name__}.{module_info.name}")
        simulator = getattr(module, "simulator", None)
        if isinstance(simulator, Simulator):
            found[simulator.slug] = simulator
    return dict(sorted(found.items()))
