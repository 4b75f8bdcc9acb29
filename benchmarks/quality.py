"""Does the prior know anything? Rank correlations between the measured scores and what one could say without measuring.

    python benchmarks/quality.py [--record]

Every model with direct scores is ranked by its best mode; beside it by the prior (size, date, thinking), by total parameters, by active parameters, by
release date, and by the step table on active parameters that llmfit uses. The boards themselves are not shipped: leaving whole boards out was done once
(docs/catalog.md, Quality); this shows what the shipped scores allow.
Thinly measured scores lean on the prior themselves, so that its column is an upper bound.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.results import record
from sizer.catalog.load import Catalog
from sizer.catalog.quality import prior_score
from sizer.schema.catalog import Model

USES = ("general", "chat", "coding", "reasoning", "agent", "long", "vision")
STEPS = ((1.5, 30), (4, 45), (8, 60), (14, 75), (35, 82), (80, 89))  # llmfit-core/src/fit.rs @3f44fd30: billions of active parameters, points


def ranks(values: Sequence[float]) -> list[float]:
    """Return ranks, ties sharing the mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop + 1 < len(order) and values[order[stop + 1]] == values[order[start]]:
            stop += 1
        for index in order[start : stop + 1]:
            found[index] = (start + stop) / 2
        start = stop + 1
    return found


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the rank correlation."""
    a, b = ranks(left), ranks(right)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    shared = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5
    return shared / spread if spread else 0.0


def step_rule(model: Model) -> float:
    """Return the points of llmfit's table on active parameters, without its bonuses by family and recency."""
    return next((points for limit, points in STEPS if model.active_parameters / 1e9 < limit), 95)


def rules(catalog: Catalog, mode: str) -> dict[str, Callable[[Model], float]]:
    """Return what one could rank by, by name."""
    constants = catalog.quality["prior"]
    return {
        "prior": lambda model: prior_score(constants, model.parameters, model.active_parameters, model.released, thinking=mode == "thinking") or 0.0,
        "total parameters": lambda model: model.parameters,
        "active parameters": lambda model: model.active_parameters,
        "release date": lambda model: float(model.released.replace("-", "").ljust(8, "0") or 0),
        "llmfit steps": step_rule,
    }


def rankings() -> list[dict[str, Any]]:
    """Return, per mode and use case, how many models were measured and how each rule orders them beside the measurements."""
    catalog = Catalog()
    found: list[dict[str, Any]] = []
    for mode in ("default", "thinking"):
        table = rules(catalog, mode)
        for use in USES:
            models = [m for m in catalog.models.values() if (s := m.quality.get(mode, {}).get(use)) and s.basis == "direct" and m.released]
            if len(models) >= 6:
                scores = [model.quality[mode][use].score for model in models]
                correlations = {name: spearman(scores, [rule(model) for model in models]) for name, rule in table.items()}
                found.append({"mode": mode, "use": use, "models": len(models), "correlations": correlations})
    return found


def main() -> None:
    """Print a table per mode; with ``--record`` also write ``benchmarks/results/quality.json``."""
    found = rankings()
    for mode in ("default", "thinking"):
        rows = [one for one in found if one["mode"] == mode]
        print(f"| {mode} | models | {' | '.join(rows[0]['correlations'])} |")
        print("|---|--:|" + "--:|" * len(rows[0]["correlations"]))
        for one in rows:
            print(f"| {one['use']} | {one['models']} | {' | '.join(f'{value:.2f}' for value in one['correlations'].values())} |")
        print()
    if "--record" in sys.argv:
        record("quality", "python benchmarks/quality.py --record", rankings=found)


if __name__ == "__main__":
    main()
