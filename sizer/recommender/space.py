"""Every way to run the models of the catalog on this machine: one row each, with its gates.

An engine is a file format on a set of devices through one backend; the runtimes that share an engine share its physics, so the search walks engines and
the runtime is chosen afterwards. Placement is solved in closed form (architecture: "offload is solved, not searched").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import Any

from sizer.catalog.load import Catalog
from sizer.catalog.quality import quality_after_quant, retention
from sizer.estimator import memory, speed, work
from sizer.estimator.architecture import Architecture, fold
from sizer.estimator.speed import Place, Rates
from sizer.recommender import ranking
from sizer.runtimes.options import Option
from sizer.schema.catalog import Model, Quant, QuantSize, Score
from sizer.schema.estimate import Configuration
from sizer.schema.machine import Machine
from sizer.schema.needs import Needs


@dataclass(frozen=True, slots=True)
class Engine:
    """One format on one set of devices. ``options`` are the runtimes that can drive it, the preferred one first; budgets are bytes."""

    format: str
    backend: str
    devices: tuple[int, ...]
    options: tuple[Option, ...]
    device_budget_bytes: int
    host_budget_bytes: int
    shared: bool
    overhead_bytes: int
    host_overhead_bytes: int
    offload: str
    kv_types: tuple[str, ...]
    preference: float
    rates: tuple[Rates, ...] = ()
    speed_known: bool = True


@dataclass(slots=True)
class Row:
    """One candidate: a model in a quantisation on an engine with a context and a cache type, placed."""

    model: Model
    quant: Quant
    engine: Engine
    config: Configuration
    device_bytes: int
    host_bytes: int
    kv_bytes: int
    download_bytes: int
    fits: bool
    full: bool
    decode_tps: float = 0.0
    ttft_s: float | None = None
    quality: Score | None = None
    thinking: float = 0.0
    utility: float = -1e9
    runtime_option: Option | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def missing_bytes(self) -> int:
        """Bytes by which the row misses its tightest budget (0 when it fits)."""
        over_device = max(0, self.device_bytes - self.engine.device_budget_bytes) if self.engine.devices else 0
        over_host = max(0, self.host_bytes - self.engine.host_budget_bytes)
        both = max(0, self.device_bytes + self.host_bytes - self.engine.host_budget_bytes) if self.engine.shared else 0
        return max(over_device, over_host, both)


class Space:
    """The search space of one call: machine, needs and catalog joined."""

    def __init__(self, machine: Machine, needs: Needs, catalog: Catalog, options: Sequence[Option]) -> None:
        self.machine, self.needs, self.catalog, self.options = machine, needs, catalog, options
        self.use_case: dict[str, Any] = catalog.assumptions["use_cases"][needs.use_case]
        self.weights: dict[str, Any] = catalog.assumptions["ranking"]
        self.search: dict[str, Any] = catalog.assumptions["search"]
        self._folded: dict[str, Architecture] = {}

    @cached_property
    def engines(self) -> tuple[Engine, ...]:
        """The engines of this machine, the preferred one first."""
        groups: dict[tuple[str, str, tuple[int, ...]], list[Option]] = {}
        for option in self.options:
            if option.refusal is None:
                for file_format in option.formats:
                    groups.setdefault((file_format, option.backend, option.devices), []).append(option)
        engines = [self._engine(*key, tuple(sorted(group, key=lambda o: -o.preference))) for key, group in groups.items()]
        return tuple(sorted(engines, key=lambda engine: -engine.preference))

    def _engine(self, file_format: str, backend: str, devices: tuple[int, ...], options: tuple[Option, ...]) -> Engine:
        machine, first = self.machine, options[0]
        cards = [machine.accelerators[index] for index in devices]
        reserve = self.needs.reserve_bytes
        budget = sum(card.budget_bytes or 0 for card in cards)
        kind = cards[0].kind if cards else "host"
        overhead, host_overhead = memory.overhead_bytes(self.catalog.overheads, first.runtime, backend, machine.platform.os, kind)
        host_budget = (machine.memory.budget_bytes or 0) - reserve
        shared = bool(cards) and kind != "discrete"
        rates = tuple(speed.rates_for(card, backend, self.catalog.speed, runtime=first.runtime) for card in cards)
        return Engine(
            format=file_format,
            backend=backend,
            devices=devices,
            options=options,
            device_budget_bytes=max(0, budget - (reserve if cards else 0)),
            host_budget_bytes=max(0, max(host_budget, budget - reserve) if shared else host_budget),
            shared=shared,
            overhead_bytes=overhead * max(1, len(cards)),
            host_overhead_bytes=host_overhead,
            offload=first.offload if cards and not shared else "none",
            kv_types=first.kv_types,
            preference=max(option.preference for option in options),
            rates=tuple(rate for rate in rates if rate is not None),
            speed_known=None not in rates,
        )

    def architecture(self, model: Model) -> Architecture:
        """Return the folded architecture, once per model."""
        folded = self._folded.get(model.id)
        if folded is None:
            folded = self._folded[model.id] = fold(model.architecture)
        return folded

    def contexts(self, model: Model) -> tuple[int, ...]:
        """Return the contexts worth trying, longest first."""
        case, asked = self.use_case, self.needs.context
        limit = model.context or 1 << 30
        if self.needs.use_case == "embedding":
            return (min(limit, asked or case["context_comfortable_tokens"]),)
        if asked:
            return (asked,)
        wanted = (case["context_comfortable_tokens"], case["context_tokens"], case["context_min_tokens"])
        return tuple(sorted({min(limit, context) for context in wanted if min(limit, context) >= min(limit, case["context_min_tokens"])}, reverse=True))

    def rows(self, model: Model, engine: Engine, quants: Sequence[Quant]) -> Iterator[Row]:
        """Yield the placed rows of a model on an engine."""
        for quant in quants:
            size = model.sizes[quant.id]
            for context in self.contexts(model):
                yield from self._rows_at(model, engine, quant, size, context)

    def _rows_at(self, model: Model, engine: Engine, quant: Quant, size: QuantSize, context: int) -> Iterator[Row]:
        kv_types = (self.needs.kv_type,) if self.needs.kv_type else self.search["kv_types"]
        for kv_type in kv_types:
            if kv_type not in engine.kv_types and kv_type != "f16":
                continue
            row = self.place(model, engine, quant, size, context, kv_type)
            yield row
            if row.full:
                return  # a quantised cache buys nothing where f16 fits

    def place(self, model: Model, engine: Engine, quant: Quant, size: QuantSize, context: int, kv_type: str) -> Row:
        """Return the row with its placement solved: all on the devices, else experts in main memory, else the layers that fit."""
        option = engine.options[0]
        config = Configuration(
            context=context,
            parallel=self.needs.parallel,
            kv_type_k=kv_type,
            kv_type_v=kv_type,
            runtime=option.runtime,
            backend=engine.backend,
            gpu_layers=None if engine.devices else 0,
        )
        architecture = self.architecture(model)
        row = self._row(model, engine, quant, size, config, architecture)
        if row.fits or not engine.devices or engine.offload == "none":
            return row
        excess = row.device_bytes - engine.device_budget_bytes
        if size.expert_bytes and engine.offload == "experts":
            layers = max(1, work.shape_of(architecture).expert_layers)
            moved = ceil(excess / max(1, size.expert_bytes / layers))
            for count in (moved, moved + 1, moved + 2):
                if count <= layers:
                    placed = self._row(model, engine, quant, size, config_with(config, cpu_moe=count), architecture)
                    if placed.fits:
                        return placed
            return row
        per_layer = max(1.0, (size.device_bytes + row.kv_bytes) / (len(architecture.layers) + 1))
        kept = len(architecture.layers) + 1 - ceil(excess / per_layer)
        for count in (kept, kept - 1, kept - 2):
            if count > 0:
                placed = self._row(model, engine, quant, size, config_with(config, gpu_layers=count), architecture)
                if placed.fits:
                    return placed
        return row

    def _row(self, model: Model, engine: Engine, quant: Quant, size: QuantSize, config: Configuration, architecture: Architecture) -> Row:
        split = memory.quick(architecture, size, config)
        margin = max(self.search["compute_margin_bytes"], int(split.compute_bytes * self.search["compute_margin"]))
        device = split.device_bytes + engine.overhead_bytes + margin + (model.projector_bytes if self.wants_images(model) else 0)
        host = split.host_bytes + engine.host_overhead_bytes
        if not engine.devices:
            device, host = 0, split.device_bytes + host + margin + (model.projector_bytes if self.wants_images(model) else 0)
        row = Row(
            model=model,
            quant=quant,
            engine=engine,
            config=config,
            device_bytes=device,
            host_bytes=host,
            kv_bytes=split.kv_bytes,
            download_bytes=size.file_bytes + model.projector_bytes,
            fits=False,
            full=False,
        )
        row.fits = row.missing_bytes == 0
        row.full = row.fits and (config.gpu_layers is None or not engine.devices) and not config.cpu_moe
        return row

    def wants_images(self, model: Model) -> bool:
        """Return whether the projector of a vision model is loaded: the runtimes load it with the model."""
        return "vision" in model.capabilities

    def judge(self, row: Row) -> Row:
        """Fill speed, quality and utility of a row that fits."""
        places = self.work(row)
        constants = self.catalog.speed
        depth = min(self.use_case["depth_tokens"], row.config.context)
        row.decode_tps = self._decode_tps(places, depth)
        if row.decode_tps:
            row.ttft_s = speed.prompt_seconds(places, constants, min(self.use_case["prompt_tokens"], row.config.context)) + 1 / row.decode_tps
        found = ranking.quality_at_speed(row.model, self.use_case["quality"], row.decode_tps, self.use_case, self.weights)
        if found is None:
            return row
        score, row.thinking = found
        row.quality = Score(quality_after_quant(score.score, row.model, row.quant), score.uncertainty, score.basis)
        row.utility = ranking.utility(
            row.quality,
            ranking.speed_points(row.decode_tps, self.use_case, self.weights),
            ranking.first_token_points(row.ttft_s, self.use_case, self.weights),
            ranking.context_points(row.config.context, self.use_case, self.weights, self.needs.context),
            self._penalties(row),
            self.weights,
        )
        if row.runtime_option is not None:
            row.utility += row.runtime_option.preference
        return row

    def _penalties(self, row: Row) -> float:
        offloaded = self.weights["offload_points"] if row.engine.devices and not row.full else 0.0
        quantised = self.weights["kv_quantised_points"] if row.config.kv_type_k != "f16" and not self.needs.kv_type else 0.0
        return float(offloaded + quantised)

    def _decode_tps(self, places: tuple[Place, ...], depth_tokens: int) -> float:
        parallel = self.needs.parallel
        if parallel > 1:
            return 1 / speed.batch_seconds(places, self.catalog.speed, depth_tokens, parallel)
        return speed.decode_tps(places, self.catalog.speed, depth_tokens)

    def work(self, row: Row) -> tuple[Place, ...]:
        """Return the share of one token's work on each device of a row."""
        engine = row.engine
        return work.places(
            self.architecture(row.model),
            row.model.sizes[row.quant.id],
            row.config,
            devices=engine.rates,
            host=self.host_rates,
            active_parameters=row.model.active_parameters,
            speed_class=row.quant.speed_class,
        )

    @cached_property
    def most_preference(self) -> float:
        """Points of the most preferred runtime."""
        return max((engine.preference for engine in self.engines), default=0.0)

    @cached_property
    def host_rates(self) -> Rates:
        """What the processor reaches."""
        return speed.rates_for_cpu(self.machine, self.catalog.speed)

    @cached_property
    def has_usable_accelerator(self) -> bool:
        """Whether any accelerator could be used at all."""
        return any(card.usable for card in self.machine.accelerators)

    def retention(self, row: Row) -> float:
        """Return the share of the unquantised score that a row keeps."""
        return retention(row.model, row.quant)


def config_with(config: Configuration, *, gpu_layers: int | None = None, cpu_moe: int = 0) -> Configuration:
    """Return the configuration with another placement."""
    return replace(config, gpu_layers=gpu_layers, cpu_moe=cpu_moe)
