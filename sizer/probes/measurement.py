"""The measured memory bandwidth of this machine, kept in the user's cache folder: written only by ``sizer probe --measure``, read by every live probe.

A kept figure counts only for the machine it was measured on (same processor, same memory); a cache that cannot be read or written changes nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from sizer.schema.machine import Machine


def cache_file() -> Path | None:
    """Return where the measurement is kept (the system's own cache folder), None without a home."""
    folder = {"win32": os.environ.get("LOCALAPPDATA"), "darwin": "~/Library/Caches"}.get(sys.platform, os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        return Path(folder).expanduser() / "sizer" / "memory-bandwidth.json" if folder else None
    except RuntimeError:
        return None


def _fingerprint(machine: Machine) -> list[Any]:
    return [machine.cpu.name, machine.cpu.physical_cores, machine.memory.total_bytes]


def kept(machine: Machine) -> dict[str, Any] | None:
    """Return the record that was measured on this machine, if there is one."""
    path = cache_file()
    try:
        document = json.loads(path.read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("machine") != _fingerprint(machine):
        return None
    record = document.get("measurement")
    return record if isinstance(record, dict) else None


def keep(machine: Machine, record: dict[str, Any]) -> bool:
    """Write the record for later probes; False when the folder cannot be written."""
    path = cache_file()
    try:
        if path is None:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": _fingerprint(machine), "measurement": record}) + "\n", encoding="utf-8")
    except OSError:
        return False
    return True
