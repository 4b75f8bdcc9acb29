"""``data/runtimes.yaml``: what it may hold, and that a mistake in it is named with its place."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from worlds import TABLE

from sizer.catalog.shapes.facts import read_yaml
from sizer.catalog.shapes.runtimes import compiled
from sizer.errors import CatalogError
from sizer.schema.needs import RUNTIME_IDS

PATH = Path(__file__).resolve().parents[3] / "data" / "runtimes.yaml"
DATA: dict[str, Any] = read_yaml(PATH.read_text(encoding="utf-8"), PATH.name)


def test_every_runtime_has_an_entry() -> None:
    assert all(runtime in TABLE for runtime in RUNTIME_IDS)


def test_every_fact_says_who_and_when() -> None:
    for name, fact in TABLE["facts"].items():
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", fact["date"]), name
        assert len(fact["source"]) > 10 and fact["fact"], name
        assert "../" not in str(fact) and "/home/" not in str(fact), name


def test_every_preference_has_a_sentence_for_those_it_favours() -> None:
    for rule in TABLE["preferences"]:
        assert rule["says"] and rule["points"]
        assert set(rule.get("says_for", {})) <= set(rule["points"])


def change(path: str, value: Any) -> Any:
    """Return the data with one place changed."""
    data = copy.deepcopy(DATA)
    *parents, last = path.split("/")
    place: Any = data
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("runtimes/ollama/platforms/linux/fact", "ollama.999", "ollama.999"),
        ("runtimes/ollama/prot", 11434, "unknown field 'runtimes.ollama.prot'"),
        ("runtimes/ollama/port", "many", "runtimes.ollama.port"),
        ("runtimes/vllm/backends/0/offload", "sometimes", "offload"),
        ("rules/S9/verdict", "maybe", "rules.S9.verdict"),
        ("rules/S9/decided_by", ["S99"], "S99"),
        ("facts/ollama.001/date", "yesterday", "facts.ollama.001.date"),
        ("preferences/0/source", "somewhere", "somewhere"),
    ],
)
def test_a_mistake_is_named_with_its_place(path: str, value: Any, words: str) -> None:
    with pytest.raises(CatalogError) as error:
        compiled(change(path, value))
    assert words in error.value.message and "runtimes.yaml" in error.value.message


def test_the_data_as_it_is_compiles_to_what_is_loaded() -> None:
    import json

    assert json.loads(json.dumps(compiled(DATA))) == TABLE
