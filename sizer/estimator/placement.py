"""Which device holds what: llama.cpp's split of layers, and the closed-form answers that users want.

Source: ``src/llama-model.cpp`` (which layers go where), ``ggml-backend.cpp`` (what is copied to a device), ``common/fit.cpp`` (``--fit``) of llama.cpp
b11434, checked 2026-11-24 against measured rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sizer.estimator import compute, weights
from sizer.estimator.architecture import Architecture
from sizer.estimator.attention import QUANTISED_CACHE, bytes_of_row, cells, recurrent_state_bytes, ubatch
from sizer.estimator.graphs import peak, peaks, supported
from sizer.records import replace
from sizer.schema.estimate import Configuration

PIPELINE_COPIES = 4  # GGML_SCHED_MAX_COPIES: inputs are kept four times when layers are split over devices
ENCODER_SLACK = 15  # per cent that an encoder's buffer grows by when layers run from main memory, measured
_PADDED = frozenset({"cuda", "rocm"})


class Part(NamedTuple):
    """One device's share in bytes."""

    weights_bytes: int
    kv_cache_bytes: int
    recurrent_state_bytes: int
    compute_bytes: int


def first_device_layer(model: Architecture, gpu_layers: int | None) -> int:
    """Return the first layer on an accelerator: the last ones go there first, the output layer before all."""
    everything = len(model.layers) + len(model.nextn) + 1
    return 0 if gpu_layers is None else max(0, everything - gpu_layers)


def distribute(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, accelerators: int) -> tuple[Part, ...]:
    """Return each device's share, the accelerators in their order, then the host."""
    if not accelerators:
        return (_all_on_host(model, tensors, config),)
    start = first_device_layer(model, config.gpu_layers)
    owner = _owners(model, start, config.split, accelerators)
    padded = config.backend in _PADDED
    held = _weights(model, tensors, config, owner, accelerators, padded=padded)
    caches, states = _caches(model, config, owner, accelerators, padded=padded)
    host_layers = start > 0 or (config.cpu_moe > 0 and model.experts > 0)
    buffers = _buffers(model, tensors, config, owner, accelerators, host_layers=host_layers)
    keys = [*range(accelerators), _HOST]
    return tuple(Part(held[key], caches[key], states[key], buffers[key]) for key in keys)


_HOST = -1


def _owners(model: Architecture, start: int, split: Sequence[float] | None, accelerators: int) -> list[int]:
    """Return the device of every layer and, last, of the output layer (llama-model.cpp get_layer_buft_list)."""
    everything = len(model.layers) + len(model.nextn) + 1
    on_device = everything - start
    shares = list(split or [1.0] * accelerators)[:accelerators] + [0.0] * max(0, accelerators - len(split or [1.0] * accelerators))
    total = sum(shares) or 1.0
    bounds = []
    running = 0.0
    for share in shares:
        running += share / total
        bounds.append(running)
    owners = []
    for index in [*range(len(model.layers)), everything - 1]:
        if index < start:
            owners.append(_HOST)
            continue
        position = (index - start) / max(1, on_device)
        owners.append(next((device for device, bound in enumerate(bounds) if position < bound), accelerators - 1))
    return owners


class _Sized(NamedTuple):
    """One tensor as placement sees it: ``layer`` None for the whole model's, ``role`` where llama.cpp puts those."""

    layer: int | None
    role: str
    expert: bool
    device_bytes: int
    host_bytes: int


_SIZED: dict[tuple[int, bool], tuple[Sequence[weights.Typed], tuple[_Sized, ...]]] = {}
_SIZED_LIMIT = 64


def _sized(model: Architecture, tensors: Sequence[weights.Typed], padded: bool) -> tuple[_Sized, ...]:
    """Return the tensors with their bytes on a device and in main memory, computed once per list."""
    known = _SIZED.get((id(tensors), padded))
    if known is not None and known[0] is tensors:
        return known[1]
    found = []
    for tensor in tensors:
        layer = weights.layer_of(tensor.name)
        role = "" if layer is not None else _role(model, tensor.name)
        host = -(-tensor.bytes // weights.HOST_ALIGNMENT) * weights.HOST_ALIGNMENT
        device = weights.device_tensor_bytes(tensor.shape, tensor.type, padded=padded)
        found.append(_Sized(layer, role, weights.is_expert(tensor.name), device, host))
    if len(_SIZED) >= _SIZED_LIMIT:
        _SIZED.clear()
    _SIZED[id(tensors), padded] = (tensors, tuple(found))
    return tuple(found)


def _role(model: Architecture, name: str) -> str:
    if name == "token_embd.weight":
        return "embedding"
    if weights.is_input(name):
        return "input"
    if name == "rope_freqs.weight":
        return "everywhere"  # every device with layers has its own
    if name == "output.weight":
        return "head"
    return "first" if weights.is_first_layer(name, model) else "output"


def _weights(
    model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, owner: Sequence[int], devices: int, *, padded: bool
) -> dict[int, int]:
    held: dict[int, int] = dict.fromkeys([_HOST, *range(devices)], 0)
    layers = len(model.layers)
    output_owner = owner[-1]
    tied = True
    embedding: _Sized | None = None
    for sized in _sized(model, tensors, padded):
        if sized.layer is not None:
            if sized.layer >= layers:
                continue
            on = _HOST if sized.expert and sized.layer < config.cpu_moe else owner[sized.layer]
        elif sized.role == "everywhere":
            for device in {owner[index] for index in range(layers) if _has_factors(model, index)}:
                held[device] += _held(sized, device)
            continue
        elif sized.role in ("embedding", "input"):
            on = _HOST
            embedding = sized if sized.role == "embedding" else embedding
        else:
            tied = tied and sized.role != "head"
            on = owner[0] if sized.role == "first" else output_owner
        held[on] += _held(sized, on)
    if tied and embedding is not None and model.traits.causal and output_owner != _HOST:
        held[output_owner] += _held(embedding, output_owner)
    elif tied and embedding is not None and model.traits.output_first:
        held[_HOST] += _held(embedding, _HOST)
    return held


def _has_factors(model: Architecture, index: int) -> bool:
    """Return whether a layer rotates with frequency factors: with Gemma 4 only those without a window (src/models/gemma4.cpp)."""
    return model.name != "gemma4" or not model.layers[index].windowed


def _held(sized: _Sized, device: int) -> int:
    return sized.host_bytes if device == _HOST else sized.device_bytes


def layer_caches(model: Architecture, config: Configuration, index: int, *, padded: bool) -> tuple[int, int]:
    """Return the bytes of one layer's cache and of its recurrent state."""
    layer = model.layers[index]
    full, window, streams = cells(model, config)
    held = (window if layer.windowed and model.window else full) * streams
    cache = 0
    if layer.caches:
        values = layer.value_width
        if values and not config.flash_attn:
            values = model.widest_value
        for kind, width in ((config.kv_type_k, layer.key_width), (config.kv_type_v, values)):
            if width:
                cache += held * bytes_of_row(kind, width) + _row_padding(kind, width, padded)
    state = recurrent_state_bytes(model, config) // model.recurrent_layers if layer.recurrent else 0
    return cache, state


def _row_padding(kind: str, width: int, padded: bool) -> int:
    """Return what CUDA adds to a quantised cache tensor whose rows are no multiple of 512 elements."""
    if not padded or kind not in QUANTISED_CACHE or width % weights.CUDA_ROW == 0:
        return 0
    extra = bytes_of_row(kind, -(-(weights.CUDA_ROW - width % weights.CUDA_ROW) // 32) * 32)
    return -(-extra // weights.DEVICE_ALIGNMENT) * weights.DEVICE_ALIGNMENT


def _caches(model: Architecture, config: Configuration, owner: Sequence[int], devices: int, *, padded: bool) -> tuple[dict[int, int], dict[int, int]]:
    caches: dict[int, int] = dict.fromkeys([_HOST, *range(devices)], 0)
    states = dict(caches)
    for index in range(len(model.layers)):
        on = owner[index]
        cache, state = layer_caches(model, config, index, padded=padded and on != _HOST)
        caches[on] += cache
        states[on] += state
    return caches, states


def host_weights(model: Architecture, tensors: Iterable[weights.Typed], config: Configuration, start: int) -> dict[int, dict[str, int]]:
    """Return the bytes of the weights and caches in main memory that a device copies for a prompt, by layer and name (see ``graphs``)."""
    found: dict[int, dict[str, int]] = {}
    layers = len(model.layers)
    output: weights.Typed | None = None
    embedding: weights.Typed | None = None
    factors = 0
    for tensor in tensors:
        layer = weights.layer_of(tensor.name)
        if layer is None:
            factors = tensor.bytes if tensor.name.startswith("rope_f") else factors
            output = tensor if tensor.name == "output.weight" else output
            embedding = tensor if tensor.name == "token_embd.weight" else embedding
        elif layer < layers and (layer < start or (layer < config.cpu_moe and weights.is_expert(tensor.name))):
            name = tensor.name.split(".", 2)[2].removesuffix(".weight")
            found.setdefault(layer, {})[name] = weights.device_tensor_bytes(tensor.shape, tensor.type, padded=True)
    full, window, streams = cells(model, config)
    for index in range(min(start, layers)):
        layer_weights = found.setdefault(index, {})
        layer_weights["norm"] = 4 * model.embedding
        if factors and _has_factors(model, index):
            layer_weights["rope_freqs"] = factors
        each = model.layers[index]
        if each.caches:
            held = (window if each.windowed and model.window else full) * streams
            layer_weights["keys"] = held * bytes_of_row(config.kv_type_k, each.key_width)
            layer_weights["values"] = held * bytes_of_row(config.kv_type_v, each.value_width or each.key_width)  # with MLA, values are a view of the keys
    last = output or embedding
    if start > layers + len(model.nextn) and last is not None and model.causal:
        found[layers] = {"output": weights.device_tensor_bytes(last.shape, last.type, padded=True)}
    return found


def _buffers(
    model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, owner: Sequence[int], accelerators: int, *, host_layers: bool
) -> dict[int, int]:
    buffers: dict[int, int] = dict.fromkeys([_HOST, *range(accelerators)], 0)
    whole = compute.compute_bytes(model, config)
    host = compute.host_compute_bytes(model, config)
    if host_layers:
        start = first_device_layer(model, config.gpu_layers)
        copies = host_weights(model, tensors, config, start)
        if supported(model):
            whole = peak(model, config, compute.outputs(config), copies)
        else:
            whole += whole * ENCODER_SLACK // 100 + max((size for names in copies.values() for size in names.values()), default=0)
    mask, width = compute.mask_bytes(model, config), model.embedding * compute.FLOAT * ubatch(config)
    used = [device for device in range(accelerators) if device in owner]
    if len(used) < 2:
        for device in range(accelerators):
            buffers[device] = whole if device in used or accelerators == 1 else 0
        buffers[_HOST] = host
        return buffers
    if not model.causal:
        for device in used:
            buffers[device] = 2 * (whole + mask)  # measured
        buffers[_HOST] = PIPELINE_COPIES * mask + 10 * width
        return buffers
    if supported(model) and not host_layers:
        buffers.update(peaks(model, config, compute.outputs(config), owner, PIPELINE_COPIES))
        buffers[_HOST] = PIPELINE_COPIES * mask + 10 * width
        return buffers
    logits = compute.outputs(config) * model.vocab * compute.FLOAT
    without_output = max(0, compute.layer_bytes(model, config))
    for device in used:
        last = device == owner[-1]
        first = device == used[0]
        copies_bytes = (PIPELINE_COPIES * mask + 12 * width) if first else ((PIPELINE_COPIES - 1) * mask + 5 * width)
        buffers[device] = (max(whole, logits) if last else without_output) + copies_bytes - (mask if first else 0)
    buffers[_HOST] = PIPELINE_COPIES * mask + 10 * width  # measured
    return buffers


def _all_on_host(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration) -> Part:
    """Return what a run on the processor takes; repacked weights are the same bytes in another buffer."""
    owner = [_HOST] * (len(model.layers) + 1)
    held = _weights(model, tensors, config, owner, 0, padded=False)[_HOST]
    caches, states = _caches(model, config, owner, 0, padded=False)
    buffer = compute.compute_bytes(model, replace(config, backend="cpu")) + compute.FLOAT * model.embedding * ubatch(config)
    return Part(held, caches[_HOST], states[_HOST], buffer)


# ------------------------------------------------------------------ closed-form answers


def most_layers(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, budget_bytes: int) -> int:
    """Return the most layers, the output layer counted as one, that one accelerator of this budget takes; 0 when not even one fits."""
    return _largest(
        len(model.layers) + len(model.nextn) + 1,
        lambda layers: sum(distribute(model, tensors, replace(config, gpu_layers=layers), 1)[0]) <= budget_bytes,
    )


def least_cpu_moe(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, budget_bytes: int) -> int | None:
    """Return the fewest layers whose experts must stay in main memory for the rest to fit, None when even all of them do not help."""
    count = len(model.layers)

    def fits(moved: int) -> bool:
        return sum(distribute(model, tensors, replace(config, cpu_moe=moved), 1)[0]) <= budget_bytes

    if not fits(count):
        return None
    return count - _largest(count, lambda kept: fits(count - kept))


def longest_context(
    model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, budget_bytes: int, *, step: int = 256, most: int | None = None
) -> int:
    """Return the longest context per request, a multiple of ``step``, that fits with the layers where they are; 0 when none does."""
    limit = (most or model.context_length or 1 << 20) // step

    def fits(steps: int) -> bool:
        return sum(distribute(model, tensors, replace(config, context=steps * step), 1)[0]) <= budget_bytes

    return _largest(limit, fits) * step


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number from 1 to ``most`` for which a condition holds that once lost stays lost; 0 when none."""
    if most > 0 and holds(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


class Fit(NamedTuple):
    """What llama.cpp's ``--fit`` chooses on one accelerator: layers (the output counted), tokens of all slots, layers with experts in main memory."""

    gpu_layers: int
    context_total: int
    cpu_moe: int


def fit_like_llama_cpp(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, free_bytes: int, *, fit: Any, context_given: bool) -> Fit:
    """Return what ``--fit`` chooses: everything; else less context, not below the least one; else experts, then layers in main memory.

    ``free_bytes`` is what the card has free, ``fit`` the table of that name in ``data/overheads.yaml``.
    """
    target = free_bytes - int(fit["margin_mib"] * (1 << 20))
    everything = len(model.layers) + len(model.nextn) + 1
    chosen = config if context_given else _fit_context(model, tensors, config, target, fit)
    total = chosen.context * chosen.parallel
    if _device_bytes(model, tensors, chosen) <= target:
        return Fit(everything, total, 0)
    if model.experts:
        moved = least_cpu_moe(model, tensors, chosen, target)
        if moved is not None:
            return Fit(everything, total, moved)
    without = replace(chosen, cpu_moe=len(model.layers)) if model.experts else chosen
    return Fit(most_layers(model, tensors, without, target), total, without.cpu_moe)


def _device_bytes(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration) -> int:
    return sum(distribute(model, tensors, config, 1)[0])


def _fit_context(model: Architecture, tensors: Sequence[weights.Typed], config: Configuration, target: int, fit: Any) -> Configuration:
    """Return the configuration with the context that ``--fit`` gives it: linear between the least and the trained one, in tokens of all slots."""
    slots = config.parallel
    times = 1 if config.kv_unified else slots  # slots of a unified cache share the trained context
    longest = max(slots, model.context_length * times)
    least = min(int(fit["least_context_tokens"]) * times, longest)

    def at(total: int) -> Configuration:
        return replace(config, context=total // slots)

    most_bytes = _device_bytes(model, tensors, at(longest))
    if most_bytes <= target:
        return at(longest)
    least_bytes = _device_bytes(model, tensors, at(least))
    if least_bytes >= target or most_bytes == least_bytes:
        return at(least)
    step = int(fit["context_step_tokens"])
    tokens = least + (target - least_bytes) * (longest - least) // (most_bytes - least_bytes)
    return at(max(least, tokens // step * step))
