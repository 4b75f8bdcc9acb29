"""Asking a machine what it is: ``probe(host)`` turns the answers of a Host into a Machine.

``host.py`` is the only door to the outside world, ``sources/`` knows what to ask, ``merge.py`` decides whom to believe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sizer.probes.host import Capture, Host, Live, Memo, Recorder, Replay

if TYPE_CHECKING:
    from sizer.probes.sources import Observation
    from sizer.schema.machine import Fact, Machine, Notice

__all__ = ["Capture", "Host", "Live", "Recorder", "Replay", "probe"]


def probe(host: Host, *, explain: bool = False, timer: Callable[[str, float], None] | None = None) -> Machine:
    """Return what ``host`` is: facts as seen, without keys, bandwidths and budgets (sizer.hardware adds them).

    ``explain`` fills ``Machine.facts`` with each fact's source and losers. ``timer`` is told each source's name and milliseconds.
    Never raises for anything that the machine answers: what fails becomes a notice.
    """
    from dataclasses import replace
    from time import perf_counter

    from sizer.probes.merge import merge
    from sizer.probes.visibility import VARIABLES

    started = perf_counter()
    memo = Memo(host)
    observations = list(_observations(memo, timer))
    environment = {name: found for name in VARIABLES if (found := memo.ask(f"env:{name}").get("value")) is not None and isinstance(found, str)}
    machine = merge(observations, environment, explain=explain)
    unrecorded = memo.not_recorded()
    return replace(
        machine,
        origin="live" if getattr(host, "live", False) else "capture",
        notices=(*machine.notices, *_closing_notices(machine, unrecorded)),
        facts=(*machine.facts, *_unrecorded_fact(unrecorded)) if explain else (),
        elapsed_ms=round((perf_counter() - started) * 1000, 1),
    )


def _observations(host: Memo, timer: Callable[[str, float], None] | None) -> Iterator[Observation]:
    """Ask every source of this system; one that fails becomes a notice."""
    import importlib
    from time import perf_counter

    from sizer.probes.sources import SOURCES, notice

    for name in SOURCES.get(host.system, ("other", "disk")):
        started = perf_counter()
        try:
            yield from list(importlib.import_module(f"sizer.probes.sources.{name}").observe(host))
        except Exception as error:  # noqa: BLE001  a source meets machines nobody has seen: its fault must not cost the rest of the answer
            remedy = "please report it with the output of `sizer probe --record FILE`"
            yield notice(name, "source-failed", "warning", f"the source {name} failed ({type(error).__name__}: {error})", remedy)
        if timer:
            timer(name, (perf_counter() - started) * 1000)


def _closing_notices(machine: Machine, unrecorded: list[str]) -> Iterator[Notice]:
    from sizer.schema.machine import Notice

    if not machine.memory.total_bytes and not any(notice.code.startswith("memory-") for notice in machine.notices):
        yield Notice("memory-unknown", "error", "the size of the memory could not be found out", "name it with --ram GiB")
    if unrecorded:
        plural = "s were" if len(unrecorded) > 1 else " was"
        yield Notice(
            "not-recorded",
            "info",
            f"{len(unrecorded)} question{plural} not recorded in this capture and count as absent",
            "record the machine again with this version: sizer probe --record FILE",
        )


def _unrecorded_fact(unrecorded: list[str]) -> Iterator[Fact]:
    from sizer.schema.machine import Fact

    if unrecorded:
        yield Fact("capture", "not_recorded", unrecorded, "replay")
