"""A user's own catalog, laid over ours: ``--catalog FILE`` or ``SIZER_CATALOG``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sizer.errors import CatalogError, InputError

LIMIT_BYTES = 32 << 20  # ours is below 1 MiB; a longer file is something else
TABLES = ("models", "quants", "devices", "runtimes")


def read_overlay(path: str) -> dict[str, Any]:
    """Return the tables of an overlay in their compiled form.

    The file holds what ``data/*.yaml`` holds: a list of model entries (as ``sizer catalog add`` writes them), or a mapping from "models", "quants" and
    "devices" to such lists. JSON always works, YAML needs the extra ``catalog``. Raises ``CatalogError`` naming file, entry and field.
    """
    data = _read(path)
    if isinstance(data, list):
        data = {"models": data}
    if not isinstance(data, Mapping):
        raise CatalogError(f"{path}: must be a list of model entries, or a mapping with {', '.join(TABLES)}")
    unknown = [key for key in data if key not in TABLES]
    if unknown:
        raise CatalogError(f"{path}: unknown table {unknown[0]!r}; known are {', '.join(TABLES)}")
    try:
        return _compiled(data)
    except CatalogError as error:
        raise CatalogError(f"{path}: {error.message}", code=error.code, hint=error.hint) from None


def _read(path: str) -> Any:
    try:
        with Path(path).open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
        if len(data) > LIMIT_BYTES or data.startswith(b"\0"):
            raise CatalogError(f"{path}: not a catalog: {'more than 32 MiB' if len(data) > LIMIT_BYTES else 'it begins with zeros'}")
        text = data.decode()
    except OSError as error:
        raise CatalogError(f"{path}: {error.strerror or error}", code="unreadable-catalog") from None
    except UnicodeDecodeError:
        raise CatalogError(f"{path}: not UTF-8 text") from None
    if path.endswith((".yaml", ".yml")):
        from sizer.catalog.shapes.facts import read_yaml

        return read_yaml(text, path)
    from sizer.schema.validate import parse_json

    try:
        return parse_json(text)
    except InputError as error:
        raise CatalogError(f"{path}: {error.message}") from None


def _compiled(data: Mapping[str, Any]) -> dict[str, Any]:
    from importlib import import_module

    tables: dict[str, Any] = {}
    if "models" in data:
        from sizer.catalog.compile import sized
        from sizer.catalog.shapes import model_catalog

        found = model_catalog.tables(data["models"], ordered=False)
        tables["models"] = sized(found)
        tables["model_sources"] = found["model_sources"]
    if "quants" in data:
        tables["quants"] = import_module("sizer.catalog.shapes.quants").compiled(data["quants"])
    if "devices" in data:
        tables |= import_module("sizer.catalog.shapes.devices").tables(data["devices"])
    if "runtimes" in data:
        tables["runtimes"] = data["runtimes"]
    return tables
