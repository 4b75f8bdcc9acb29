"""Does the prior know anything? Rank correlations between the measured scores and what one could say without measuring.

    python benchmarks/quality.py

Every model with direct scores is ranked by its best mode; beside it by the prior (size, date, thinking), by total parameters, by active parameters, by
release date, and by the step table on active parameters that llmfit uses. The boards themselves are not shipped: leaving whole boards out was done once
(docs/catalog.md, Quality); this shows what the shipped scores allow.
Thinly measured scores lean on the prior themselves, so that its column is an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def main() -> None:
    """Print a table per mode."""
    catalog = Catalog()
    for mode in ("default", "thinking"):
        table = rules(catalog, mode)
        print(f"| {mode} | models | {' | '.join(table)} |")
        print("|---|--:|" + "--:|" * len(table))
        for use in USES:
            models = [m for m in catalog.models.values() if (s := m.quality.get(mode, {}).get(use)) and s.basis == "direct" and m.released]
            if len(models) >= 6:
                scores = [model.quality[mode][use].score for model in models]
                cells = (f"{spearman(scores, [rule(model) for model in models]):.2f}" for rule in table.values())
                print(f"| {use} | {len(models)} | {' | '.join(cells)} |")
        print()


if __name__ == "__main__":
    main()
