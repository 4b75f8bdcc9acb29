"""The search: the best row of every model, the pick, and what else deserves to be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sizer.recommender import ranking
from sizer.recommender.gates import already_there, first_closed_model_gate, first_closed_offer_gate, first_closed_row_gate, least_tps
from sizer.recommender.space import Engine, Offer, Row, Space
from sizer.records import dataclass, field, replace
from sizer.runtimes.options import model_refusal
from sizer.schema.catalog import Model
from sizer.schema.recommendation import Rejection, Role


class Missed:
    """The closest miss of a model: the first gate that closed, its sentence, and the row if it came that far.

    A row that cannot fit is placed only when somebody asks by how much: few of them are ever shown.
    """

    __slots__ = ("_place", "_reason", "_row", "gate", "model")

    def __init__(self, model: Model, gate: str, reason: str = "", row: Row | None = None, place: Callable[[], tuple[str, Row]] | None = None) -> None:
        self.model, self.gate = model, gate
        self._reason, self._row, self._place = reason, row, place

    def _placed(self) -> None:
        if self._place is not None:
            self._reason, self._row = self._place()
            self._place = None

    @property
    def reason(self) -> str:
        """The sentence of the gate."""
        self._placed()
        return self._reason

    @property
    def row(self) -> Row | None:
        """The row that missed, None where it was refused before it was placed."""
        self._placed()
        return self._row


@dataclass(slots=True)
class Found:
    """What the search found: the best open row of each model (best first), all that are open, and why the others are not."""

    best: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    missed: dict[str, Missed] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)


TELLING = ("fits_memory", "fits_disk", "is_fast_enough", "download_is_small_enough")  # gates that say something about the machine or the wishes


def best_score(model: Model, space: Space) -> float:
    """Return the score of the model's better mode, before quantisation and speed."""
    scores = [s.score for mode in ("default", "thinking") if (s := ranking.score_of(model, mode, space.use_case["quality"]))]
    return max(scores, default=-1e9)


def upper_bound(model: Model, space: Space) -> float:
    """Return points that no row of the model can exceed."""
    return float(best_score(model, space) + space.weights["fast_points"] + space.weights["context_points"] + space.most_preference)


def search(space: Space, models: Iterable[Model]) -> Found:
    """Return what is open, judged. Models are tried from the highest possible score down; it ends when none can win any more and enough fit."""
    found = Found()
    candidates: list[tuple[float, Model]] = []
    for model in models:
        gate = first_closed_model_gate(model, space)
        if gate is None:
            candidates.append((upper_bound(model, space), model))
        else:
            found.refused[model.id] = (gate.name, gate.reason(model, space))
    candidates.sort(key=lambda item: (-item[0], item[1].id))
    best = -1e9
    for bound, model in candidates:
        if bound < best - space.weights["tie_points"] and len(found.best) >= space.search["enough_models"]:
            break
        rows = best_rows(model, space, found)
        if rows:
            found.rows += rows
            top = max(rows, key=_order)
            found.best.append(top)
            best = max(best, top.utility)
    found.best.sort(key=_order, reverse=True)
    return found


def best_rows(model: Model, space: Space, found: Found) -> list[Row]:
    """Return the best open row of a model on each engine, the processor only where no card of its own memory runs it; note the closest miss."""
    result: list[Row] = []
    misses: list[tuple[tuple[int, float], Missed]] = []
    for engine in space.engines:
        if not engine.devices and any(not row.engine.shared for row in result):
            continue
        opened: Row | None = None
        for row in _open_rows(model, engine, space, misses):
            if opened is None or _order(row) > _order(opened):
                opened = row
        if opened is not None:
            result.append(opened)
    if not result and misses:
        found.missed[model.id] = max(misses, key=lambda item: item[0])[1]
    return result


def _open_rows(model: Model, engine: Engine, space: Space, misses: list[tuple[tuple[int, float], Missed]]) -> Iterator[Row]:
    hopeless: Offer | None = None
    for offer in space.offers(model, engine):
        closed = first_closed_offer_gate(offer, space)
        if closed is not None:
            misses.append(((_RANKS.index(closed.name), 0.0), Missed(model, closed.name, closed.reason(offer, space))))
        elif space.cannot_fit(offer):
            hopeless = offer if hopeless is None or offer.size.file_bytes < hopeless.size.file_bytes else hopeless
        else:
            yield from _judged(space.rows(offer), space, misses)
    if hopeless is not None:
        offer = hopeless
        misses.append(((_RANKS.index("fits_memory"), -float(offer.size.device_bytes)), Missed(model, "fits_memory", place=lambda: _too_large(offer, space))))


def _too_large(offer: Offer, space: Space) -> tuple[str, Row]:
    """Return by how much the smallest quantisation of a model misses, with the least context."""
    row = space.place(offer, space.contexts(offer.model)[-1], space.kv_types(offer)[0])
    gate = first_closed_row_gate(row, space)
    assert gate is not None
    return gate.reason(row, space), row


def _judged(rows: Iterator[Row], space: Space, misses: list[tuple[tuple[int, float], Missed]]) -> Iterator[Row]:
    for row in rows:
        gate = first_closed_row_gate(row, space)
        if gate is None:
            if row.quality is not None:
                yield row
            continue
        closeness = -float(row.missing_bytes) if gate.name == "fits_memory" else row.decode_tps
        misses.append(((_RANKS.index(gate.name), closeness), Missed(row.model, gate.name, gate.reason(row, space), row)))


_RANKS = ("runtime_takes_it", "quant_is_good_enough", "download_is_small_enough", "fits_memory", "fits_disk", "is_good_enough", "is_fast_enough")


def _order(row: Row) -> tuple[float, float, int, int, str]:
    return (row.utility, row.decode_tps, row.config.context, -row.download_bytes, row.model.id)


def pick_among(best: Sequence[Row], space: Space) -> Row | None:
    """Return the winner: ties within ``tie_points`` go to the faster (up to good speed), then the longer context, then the smaller download."""
    if not best:
        return None
    ties = [row for row in best if row.utility >= best[0].utility - space.weights["tie_points"]]
    good = space.use_case["decode_good_tps"]
    return max(
        ties,
        key=lambda row: (
            already_there(row, space),
            round(min(row.decode_tps, good)),
            min(row.config.context, space.use_case["context_comfortable_tokens"]),
            row.utility,
            -row.download_bytes,
        ),
    )


def alternatives(found: Found, pick: Row, space: Space, most: int) -> list[tuple[Role, Row]]:
    """Return up to ``most`` rows that differ from the pick for a reason, each with its role; no model twice unless its role is about the same model."""
    pool = [row for row in found.best if row.model.id != pick.model.id]
    picked_quality = pick.quality.score if pick.quality else 0.0
    chosen: list[tuple[Role, Row]] = []
    used = {pick.model.id}

    def take(role: Role, rows: Iterable[Row], value: Callable[[Row], float]) -> None:
        options = [row for row in rows if row.model.id not in used]
        if options and len(chosen) < most:
            best = max(options, key=value)
            chosen.append((role, best))
            used.add(best.model.id)

    def quality(row: Row) -> float:
        return row.quality.score if row.quality else 0.0

    take("installed", (row for row in pool if already_there(row, space)), lambda row: row.utility)
    take("faster", (row for row in pool if row.decode_tps >= 1.4 * pick.decode_tps and quality(row) >= picked_quality - 25), lambda row: row.utility)
    take("smarter", (row for row in pool if quality(row) >= picked_quality + 2), quality)
    take(
        "smaller-download",
        (row for row in pool if row.download_bytes <= 0.65 * pick.download_bytes and quality(row) >= picked_quality - 25),
        lambda row: row.utility,
    )
    longer = longer_context(pick, space)
    if longer is not None and len(chosen) < most:
        chosen.append(("longer-context", longer))
    other = other_runtime(pick, space)
    if other is not None and len(chosen) < most:
        chosen.append(("other-runtime", other))
    return chosen


def other_runtime(pick: Row, space: Space) -> Row | None:
    """Return the pick with the next runtime that drives the same engine and takes the same file."""
    for option in pick.engine.options:
        if option.runtime != pick.option.runtime and model_refusal(option, pick.model, pick.quant, space.needs) is None:
            row = space.place(replace(pick.offer, option=option), pick.config.context, pick.config.kv_type_k)
            if row.fits and first_closed_row_gate(row, space) is None:
                return row
    return None


def longer_context(pick: Row, space: Space) -> Row | None:
    """Return the pick with the longest context (at least double) that still fits as it is placed, with a quantised cache if it takes one."""
    if space.needs.use_case == "embedding":
        return None
    for context in sorted(space.search["context_steps"], reverse=True):
        if context > pick.model.context or context < 2 * pick.config.context:
            continue
        for kv_type in dict.fromkeys((pick.config.kv_type_k, *space.kv_types(pick.offer))):
            row = space.place(pick.offer, context, kv_type)
            if row.fits and row.full >= pick.full and first_closed_row_gate(row, space) is None and row.quality is not None:
                return row
    return None


def least_bad(space: Space, models: Iterable[Model], found: Found) -> Row | None:
    """Return the row that comes closest when nothing is open: the best of those fast enough, else the fastest that fits; None when nothing fits at all."""
    slow = [
        row
        for model in models
        if model.id not in found.refused
        for engine in space.engines
        for offer in space.offers(model, engine)
        if first_closed_offer_gate(offer, space) is None and not space.cannot_fit(offer)
        for row in space.rows(offer)
        if row.fits and ((gate := first_closed_row_gate(row, space)) is None or gate.name in ("is_fast_enough", "is_good_enough")) and row.quality is not None
    ]
    usable = [row for row in slow if row.decode_tps >= least_tps(space)]
    if usable:
        return max(usable, key=lambda row: (row.quality.score if row.quality else 0.0, _order(row)))
    return max(slow, key=lambda row: (row.decode_tps, _order(row)), default=None)


def rejections(found: Found, pick: Row | None, space: Space, most: int = 5) -> list[Rejection]:
    """Return the runtimes that cannot or need not run here and the better models that did not make it, each with its first closed gate."""
    result = [Rejection(reason=refusal.reason, runtime=runtime, gate=refusal.gate) for runtime, refusal in first_refusals(space)]
    bar = pick.quality.score if pick and pick.quality else space.search["least_quality"]
    asked = space.needs.model is not None
    missed = sorted(found.missed.values(), key=lambda miss: (-upper_bound(miss.model, space), miss.model.id))
    telling = [miss for miss in missed if asked or (miss.gate in TELLING and best_score(miss.model, space) > bar)]
    result += [Rejection(reason=miss.reason, model=miss.model.id, gate=miss.gate) for miss in nearest_misses(telling, most)]
    if asked:
        result += [Rejection(reason=reason, model=name, gate=gate) for name, (gate, reason) in sorted(found.refused.items())]
    return result


def first_refusals(space: Space) -> list[tuple[str, Rejection]]:
    """Return one refused option per runtime that has no open one."""
    open_runtimes = {option.runtime for option in space.options if option.refusal is None}
    seen: dict[str, Rejection] = {}
    for option in space.options:
        if option.refusal is not None and option.runtime not in open_runtimes:
            seen.setdefault(option.runtime, option.refusal)
    return list(seen.items())


def nearest_misses(missed: Sequence[Missed], most: int) -> list[Missed]:
    """Return the misses that a reader of this machine would think of: the smallest models among the better ones, largest last."""
    return sorted(missed, key=lambda miss: (miss.model.parameters, miss.model.id))[:most]
