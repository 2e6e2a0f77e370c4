"""What goes wrong and when, drawn from a seed: the same seed gives the same schedule. Pure."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

BlowKind = Literal["kill", "freeze", "stop"]
WAIT_S = 5.0
FREEZES_S = (4.5, 8.0)
"""Longer than a lease lives."""


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens to a worker, `wait_s` after it was met with messages in flight. `lasts_s`: of a freeze."""

    kind: BlowKind
    wait_s: float
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Harm:
    """What happens to the network between two parties, `after_s` after the harm before it, for `lasts_s`."""

    between: Literal["worker and provider", "processes and database"]
    settings: Mapping[str, object]
    after_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """`blows`: of each place that a worker has, in order. `web_kills` and `crashes` (of the database): after how many
    kills of workers."""

    seed: int
    blows: tuple[tuple[Blow, ...], ...]
    web_kills: tuple[int, ...]
    crashes: tuple[int, ...]
    has_harms: bool = True

    @property
    def kills(self) -> int:
        """How many processes are killed."""
        return sum(blow.kind == "kill" for place in self.blows for blow in place) + len(self.web_kills)

    def harms(self) -> Iterator[Harm]:
        """Without end."""
        chance = random.Random(f"{self.seed} harms")
        while self.has_harms:
            settings, lasts_s = chance.choice(HARMS)
            yield Harm(
                chance.choice(("worker and provider", "processes and database")),
                settings,
                chance.uniform(15.0, 25.0),
                chance.uniform(*lasts_s),
            )


def quiet(seed: int) -> Schedule:
    """Nothing happens by itself."""
    return Schedule(seed, (), (), (), has_harms=False)


HARMS: tuple[tuple[Mapping[str, object], tuple[float, float]], ...] = (
    ({"latency_s": 0.2}, (2.0, 5.0)),
    ({"cut": True}, (0.0, 0.1)),
    ({"is_frozen": True}, (0.5, 3.0)),
    ({"is_open": False, "cut": True}, (0.5, 2.0)),
)


def draw(seed: int, kills: int, crashes: int, places: int) -> Schedule:
    """So many kills, one in 20 of them of the web process; and database crashes spread over them. Beside the kills a
    worker is now and then frozen or stopped in order."""
    chance = random.Random(f"{seed} blows")
    web_kills = kills // 20
    of_workers = kills - web_kills
    blows = []
    for place in range(places):
        mine = of_workers // places + (place < of_workers % places)
        kinds: list[BlowKind] = ["kill"] * mine + ["freeze"] * (mine // 25) + ["stop"] * (mine // 25)
        chance.shuffle(kinds)
        blows.append(tuple(_blow(kind, chance) for kind in kinds))
    return Schedule(seed, tuple(blows), _spread(chance, web_kills, of_workers), _spread(chance, crashes, of_workers))


def _blow(kind: BlowKind, chance: random.Random) -> Blow:
    return Blow(kind, chance.uniform(0.0, WAIT_S), chance.uniform(*FREEZES_S) if kind == "freeze" else 0.0)


def _spread(chance: random.Random, count: int, over: int) -> tuple[int, ...]:
    """Numbers up to `over`, one in each of `count` equal stretches."""
    return tuple(1 + int((n + chance.random()) * over / count) for n in range(count))
