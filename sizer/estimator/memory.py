"""Memory of one configuration: weights, caches, compute buffers and what a runtime takes beside them, device by device.

``quick`` is for the search: all totals of one configuration in microseconds. ``estimate`` is for the answer: exact per device, from a file's
tensors or from the architecture. Both use the same formulas (``attention``, ``compute``, ``weights``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sizer.estimator import weights
from sizer.estimator.architecture import Architecture, fold
from sizer.estimator.attention import check_cache_types, kv_cache_bytes, recurrent_state_bytes
from sizer.estimator.baseline import rule_of_thumb_bytes
from sizer.estimator.compute import compute_bytes, host_compute_bytes, quick_compute_bytes
from sizer.records import dataclass
from sizer.schema.catalog import Model, QuantSize
from sizer.schema.estimate import Configuration, DeviceMemory, MemoryEstimate
from sizer.units import MIB

__all__ = [
    "ModelMemory", "Place", "Split", "check_cache_types", "compute_bytes", "estimate", "host_compute_bytes", "kv_cache_bytes", "overhead_bytes", "quick",
    "recurrent_state_bytes",
]  # fmt: skip


class Split(NamedTuple):
    """Totals of one configuration in bytes; ``kv_bytes`` includes recurrent state."""

    device_bytes: int
    host_bytes: int
    kv_bytes: int
    compute_bytes: int
    weights_bytes: int


def quick(model: Architecture, size: QuantSize, config: Configuration) -> Split:
    """Return the memory of one configuration on one accelerator and the host, overheads left out.

    ``gpu_layers`` None puts everything on the accelerator, 0 nothing; in between, layers count as equally large. Exact for the former; a
    few per cent off otherwise, for which ``estimate`` is exact.
    """
    cache = kv_cache_bytes(model, config) + recurrent_state_bytes(model, config)
    buffer, host_buffer = quick_compute_bytes(model, config), host_compute_bytes(model, config)
    total = len(model.layers) + 1
    on_device = total if config.gpu_layers is None else min(config.gpu_layers, total)
    if on_device == 0:
        held = size.file_bytes
        return Split(0, held + cache + buffer, cache, buffer, held)
    device, host = size.device_bytes, size.host_bytes
    if on_device < total:
        share = (total - on_device) / (total - 1)
        moved = int(share * (size.device_bytes - _output_bytes(model, size)))
        device, host = device - moved, host + moved
        cache_host = int(cache * share)
        buffer += _largest_copied(model, size)
    else:
        cache_host = 0
    if config.cpu_moe and size.expert_bytes:
        expert_layers = sum(layer.expert_feed_forward > 0 for layer in model.layers)
        moved = size.expert_bytes * min(config.cpu_moe, expert_layers) // max(1, expert_layers)
        device, host = device - moved, host + moved
        buffer += size.expert_bytes // max(1, 3 * expert_layers)
    return Split(device + cache - cache_host + buffer, host + cache_host + host_buffer, cache, buffer, device + host)


def _output_bytes(model: Architecture, size: QuantSize) -> int:
    """Return about what the output layer takes: the embedding table in main memory has the same shape."""
    return min(size.host_bytes, size.device_bytes // 2) if not model.per_layer_embedding else 0


def _largest_copied(model: Architecture, size: QuantSize) -> int:
    """Return about the largest weight that is copied to the accelerator for a prompt when its layer lives in main memory."""
    return (size.device_bytes - _output_bytes(model, size)) // max(1, 3 * len(model.layers))


@dataclass(frozen=True, slots=True)
class Place:
    """One device of an estimate."""

    name: str
    kind: Literal["accelerator", "host"]
    budget_bytes: int | None = None
    backend: str = "cuda"


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """A model for ``estimate``: its architecture, its tensors and how exactly they are known."""

    architecture: Architecture
    tensors: tuple[weights.Typed, ...]
    exactness: Literal["file", "catalog", "rule"]
    parameters: int
    nominal_bits: float

    @classmethod
    def from_catalog(cls, model: Model, quant: str) -> ModelMemory:
        """Return a catalog model in one quantisation. Raises RequestError for a quantisation that has no rule."""
        architecture = fold(model.architecture)
        return cls(architecture, tuple(weights.typed_for(architecture, quant)), "catalog", model.parameters, weights.nominal_bits(quant))


def estimate(
    source: ModelMemory,
    config: Configuration,
    *,
    places: Sequence[Place],
    overheads: Mapping[str, Any] | None,
    os: str = "linux",
    runtime: str | None = None,
    projector_bytes: int = 0,
) -> MemoryEstimate:
    """Return the memory of one configuration, device by device, main memory last."""
    model = source.architecture
    check_cache_types(model, config)
    accelerators = [place for place in places if place.kind == "accelerator"]
    host = next((place for place in places if place.kind == "host"), Place("main memory", "host", None, "cpu"))
    placed = weights.place(model, source.tensors)
    size = QuantSize(placed.file, placed.device, placed.host, placed.experts, placed.active)
    if not accelerators:
        config = _without_accelerator(config)
    split = quick(model, size, config)
    state = recurrent_state_bytes(model, config)
    name = runtime or config.runtime
    device_overhead, host_overhead = overhead_bytes(overheads, name, config.backend, os, accelerators[0].kind if accelerators else "host")
    devices = []
    cache = kv_cache_bytes(model, config)
    if accelerators:
        first = accelerators[0]
        devices.append(_device(first.name, "accelerator", size.device_bytes, cache, state, split.compute_bytes, device_overhead, first.budget_bytes))
        devices.append(_device(host.name, "host", size.host_bytes, 0, 0, host_compute_bytes(model, config), host_overhead, host.budget_bytes))
    else:
        devices.append(_device(host.name, "host", split.weights_bytes, cache, state, split.compute_bytes, host_overhead, host.budget_bytes))
    return _sum(devices, projector_bytes, source)


def _without_accelerator(config: Configuration) -> Configuration:
    from dataclasses import replace

    return replace(config, gpu_layers=0)


def _device(name: str, kind: Literal["accelerator", "host"], held: int, cache: int, state: int, buffer: int, overhead: int, budget: int | None) -> DeviceMemory:
    total = held + cache + state + buffer + overhead
    return DeviceMemory(name, kind, held, cache, state, buffer, overhead, total, budget, None if budget is None else total <= budget)


def _sum(devices: Sequence[DeviceMemory], projector: int, source: ModelMemory) -> MemoryEstimate:
    return MemoryEstimate(
        weights_bytes=sum(device.weights_bytes for device in devices),
        kv_cache_bytes=sum(device.kv_cache_bytes for device in devices),
        recurrent_state_bytes=sum(device.recurrent_state_bytes for device in devices),
        compute_bytes=sum(device.compute_bytes for device in devices),
        projector_bytes=projector,
        runtime_overhead_bytes=sum(device.overhead_bytes for device in devices),
        total_bytes=sum(device.total_bytes for device in devices),
        devices=tuple(devices),
        rule_of_thumb_bytes=rule_of_thumb_bytes(source.parameters, source.nominal_bits),
        exactness=source.exactness,
    )


def overhead_bytes(overheads: Mapping[str, Any] | None, runtime: str, backend: str, os: str, kind: str) -> tuple[int, int]:
    """Return what a runtime takes beside the model, in bytes: on each accelerator, and in main memory (``data/overheads.yaml``)."""
    if not overheads:
        return 0, 0
    device = _first(overheads["device"], runtime=runtime, backend=backend, os=os, kind=kind)
    process = _first(overheads["process"], runtime=runtime, backend=backend, os=os, kind=kind)
    return int(device["mib"] * MIB) if device and backend != "cpu" else 0, int(process["mib"] * MIB) if process else 0


def _first(rows: Sequence[Mapping[str, Any]], **facts: str) -> Mapping[str, Any] | None:
    """Return the first row whose conditions all hold; a condition that a row leaves out always holds."""
    for row in rows:
        if all(key not in row or value in row[key] for key, value in facts.items()):
            return row
    return None
