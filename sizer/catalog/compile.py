"""Compile ``data/*.yaml`` into ``sizer/catalog/compiled/*.json``, which the program loads.

    python -m sizer.catalog.compile           write what changed
    python -m sizer.catalog.compile --check   exit 4 when a compiled file is stale, and say which

The compiled files are committed: an installed sizer has no YAML parser and starts cold in milliseconds. One entry stands on one line, so that a
diff of a compiled file shows which entries moved.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sizer.errors import CatalogError, SizerError

FILES = ("assumptions", "budgets", "devices", "hosts", "model_catalog", "overheads", "quants", "runtimes", "speed")
"""The data files, each with a module of the same name in ``sizer.catalog.shapes``. ``compiled(data)`` there returns the JSON-ready table of
the same name; a shape that fills several tables (``model_catalog``) has ``tables(data)`` instead, which returns them by name."""

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
COMPILED = Path(__file__).resolve().parent / "compiled"


def compile_file(name: str) -> dict[str, Any]:
    """Return the tables that ``data/<name>.yaml`` gives, by name. Raises ``CatalogError`` naming file, entry and field."""
    from sizer.catalog.shapes.facts import read_yaml

    path = DATA / f"{name}.yaml"
    try:
        data = read_yaml(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise CatalogError(f"{path}: {error.strerror}") from None
    shape = import_module(f"sizer.catalog.shapes.{name}")
    tables: Callable[[Any], dict[str, Any]] | None = getattr(shape, "tables", None)
    return tables(data) if tables else {name: shape.compiled(data)}


def text_of(table: Any) -> str:
    """Return a table as JSON text, one entry per line."""
    if isinstance(table, list):
        return "[\n" + ",\n".join(_dense(row) for row in table) + "\n]\n"
    if isinstance(table, dict):
        return "{\n" + ",\n".join(f"{_dense(key)}: {_dense(value)}" for key, value in table.items()) + "\n}\n"
    return _dense(table) + "\n"


def _dense(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def compiled_texts(files: tuple[str, ...] = FILES) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every compiled file, from the data as it is now."""
    for name in files:
        for table, content in compile_file(name).items():
            yield COMPILED / f"{table}.json", text_of(content)


def stale(files: tuple[str, ...] = FILES) -> list[str]:
    """Return the names of the compiled files that differ from what the data gives."""
    return [path.name for path, text in compiled_texts(files) if not path.exists() or path.read_text(encoding="utf-8") != text]


def main(arguments: list[str]) -> int:
    """Compile or check; returns the exit code."""
    names = tuple(name for name in arguments if not name.startswith("-")) or FILES
    try:
        if "--check" in arguments:
            outdated = stale(names)
            if outdated:
                sys.stderr.write(f"stale: {', '.join(outdated)}; run: python -m sizer.catalog.compile\n")
            return 4 if outdated else 0
        COMPILED.mkdir(exist_ok=True)
        for path, text in compiled_texts(names):
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8", newline="\n")
                sys.stderr.write(f"wrote {path.name}\n")
    except SizerError as error:
        sys.stderr.write(f"{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
