"""ggml's graph allocator, on sizes alone: how large a buffer a graph needs.

A graph is recorded in the order in which ggml would run it; ``Graph.peak`` then replays ``ggml-alloc.c`` of llama.cpp b11434: graph inputs first,
best fit among free blocks, operations that may work in place take over their operand's block, a block is freed after its last reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FLOAT = 4
ALIGNMENT = 128


class Tensor:
    """One tensor of a graph. ``root`` is the tensor whose memory a view shows; ``outside`` ones (weights, caches) take none here."""

    __slots__ = ("children", "copied", "cut", "inplace", "is_input", "layer", "offset", "outside", "owned", "root", "seen", "shape", "size", "sources", "views")

    def __init__(
        self, shape: tuple[int, ...], size: int, sources: Sequence[Tensor], *, root: Tensor | None, inplace: bool, outside: bool, is_input: bool
    ) -> None:
        self.shape = shape
        self.size = -(-size // ALIGNMENT) * ALIGNMENT
        self.sources = sources
        self.root = root
        self.inplace = inplace
        self.outside = outside
        self.is_input = is_input
        self.seen = outside or is_input
        self.owned = False
        self.cut = False
        self.copied = False
        self.layer = -1
        self.children = 0
        self.views = 0
        self.offset = 0


class Graph:
    """A recorded graph."""

    __slots__ = ("layer", "nodes")

    def __init__(self) -> None:
        self.nodes: list[Tensor] = []
        self.layer = -1  # the layer being recorded

    def op(self, shape: tuple[int, ...], *sources: Tensor, inplace: bool = False, size: int | None = None) -> Tensor:
        """Return the result of an operation: f32 unless ``size`` gives its bytes."""
        if size is None:
            size = _bytes(shape)
        result = Tensor(shape, size, sources, root=None, inplace=inplace, outside=False, is_input=False)
        result.layer = self.layer
        return result

    def like(self, first: Tensor, *others: Tensor) -> Tensor:
        """Return an element-wise operation, which may take over an operand's memory (ggml_op_can_inplace)."""
        result = Tensor(first.shape, first.size, (first, *others), root=None, inplace=True, outside=False, is_input=False)
        result.layer = self.layer
        return result

    def view(self, source: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return a view or reshape."""
        root = source.root or source
        if root.outside:
            return root
        return Tensor(shape, _bytes(shape), (source,), root=root, inplace=False, outside=False, is_input=False)

    def input(self, size: int, shape: tuple[int, ...] = (0,)) -> Tensor:
        """Return an input of the graph, copied to the device before it starts."""
        return Tensor(shape, size, (), root=None, inplace=False, outside=False, is_input=True)

    def expand(self, tensor: Tensor) -> Tensor:
        """Record the tensor and everything it needs, operands first (ggml_build_forward_expand)."""
        if tensor.seen:
            return tensor
        tensor.seen = True
        for source in tensor.sources:
            if not source.seen:
                self.expand(source)
        self.nodes.append(tensor)
        return tensor

    def peak(self) -> int:
        """Return the bytes of the buffer.

        The scheduler cuts the graph into splits: at every weight that is copied from main memory, and around what the processor does (``cut``).
        The inputs of a split are placed at its start and freed after their last reader.
        """
        nodes = self.nodes
        inputs_at: dict[int, list[Tensor]] = {}
        start = 0
        for index, node in enumerate(nodes):
            if node.root is not None:
                node.root.views += 1
            if node.cut:
                for source in node.sources:
                    source.children += 1
                start = index + 1
                continue
            if start in inputs_at and any(source.copied for source in node.sources):
                start = index
            for source in node.sources:
                source.children += 1
                if source.is_input and not source.owned:
                    source.owned = True
                    inputs_at.setdefault(start, []).append(source)
        blocks = _Blocks()
        for index, node in enumerate(nodes):
            for tensor in inputs_at.get(index, ()):
                tensor.offset = blocks.take(tensor.size)
            if node.root is None and not node.outside:
                self._allocate(node, blocks)
            self._release(node, blocks)
        return blocks.highest

    def peaks(self, owners: Mapping[int, int], copies: int) -> dict[int, int]:
        """Return the bytes of every device's buffer when layers are split over devices; ``owners`` gives each layer's device.

        An operation runs where its weights are, one without weights where the one before it ran. Inputs, and what one device hands to the next, are
        kept ``copies`` times from start to end on the device that reads them, so that the devices can work on different batches at once.
        """
        leafs: dict[int, int] = dict.fromkeys(owners.values(), 0)
        events: dict[int, list[Tensor]] = {device: [] for device in leafs}
        at: dict[int, int] = {}
        known: dict[tuple[int, int], Tensor] = {}  # keeps them alive: they are told apart by their id
        device = next(iter(owners.values()))
        for node in self.nodes:
            if node.root is not None and not node.outside:
                at[id(node)] = at[id(node.root)]
                events[at[id(node)]].append(node)
                continue
            if not node.outside and any(source.outside for source in node.sources):
                device = owners[node.layer]
            at[id(node)] = device
            local = []
            for source in node.sources:
                if source.outside:
                    continue
                if not source.is_input and at[id(source)] == device:
                    local.append(source)
                elif (id(source), device) not in known:
                    known[id(source), device] = source
                    leafs[device] += copies * _copied_bytes(source)
                    if not source.is_input:
                        events[at[id(source)]].append(Tensor((0,), 0, (source,), root=None, inplace=False, outside=True, is_input=False))
            node.sources = local
            events[device].append(node)
        return {device: _replayed(events[device], leafs[device]) for device in leafs}

    @staticmethod
    def _release(node: Tensor, blocks: _Blocks) -> None:
        for source in node.sources:
            source.children -= 1
            if source.children == 0 and source.views == 0:
                root = source.root
                if root is not None:
                    root.views -= 1
                    if root.views == 0 and root.children == 0 and root.owned:
                        blocks.give(root.offset, root.size)
                        root.owned = False
                elif source.owned:
                    blocks.give(source.offset, source.size)
                    source.owned = False

    @staticmethod
    def _allocate(node: Tensor, blocks: _Blocks) -> None:
        if node.inplace:
            for parent in node.sources:
                if parent.owned and parent.children == 1 and parent.views == 0 and parent.shape == node.shape:
                    node.offset = parent.offset
                    node.size = parent.size
                    parent.owned = False
                    node.owned = True
                    return
        node.offset = blocks.take(node.size)
        node.owned = True


def _copied_bytes(source: Tensor) -> int:
    """Return the bytes of a copy; that of some columns of a matrix spans its whole rows."""
    root = source.root
    if root is None or len(root.shape) != 2 or source.shape[0] >= root.shape[0] or source.shape[-1] != root.shape[-1]:
        return source.size
    span = root.size - FLOAT * (root.shape[0] - source.size // FLOAT // source.shape[-1])
    return -(-span // ALIGNMENT) * ALIGNMENT


def _replayed(nodes: Sequence[Tensor], kept: int) -> int:
    """Return the bytes of one device's buffer, ``kept`` bytes of which are taken from start to end."""
    for node in nodes:
        if node.root is not None and not node.outside:
            node.root.views += 1
        for source in node.sources:
            source.children += 1
    blocks = _Blocks()
    blocks.take(kept)
    for node in nodes:
        if node.root is None and not node.outside:
            Graph._allocate(node, blocks)
        Graph._release(node, blocks)
    return blocks.highest


def _bytes(shape: tuple[int, ...]) -> int:
    size = FLOAT
    for dimension in shape:
        size *= dimension
    return size


class _Blocks:
    """The free blocks of one buffer, by offset; the last one has no end."""

    __slots__ = ("highest", "offsets", "sizes")

    def __init__(self) -> None:
        self.offsets = [0]
        self.sizes = [1 << 62]
        self.highest = 0

    def take(self, size: int) -> int:
        """Return the offset of a block of this size: the smallest free one that holds it, else the open end."""
        sizes, offsets = self.sizes, self.offsets
        best = len(sizes) - 1
        best_size = 1 << 62
        for index in range(len(sizes) - 1):
            if size <= sizes[index] <= best_size:
                best, best_size = index, sizes[index]
        offset = offsets[best]
        offsets[best] = offset + size
        sizes[best] -= size
        if sizes[best] == 0:
            del sizes[best], offsets[best]
        self.highest = max(self.highest, offset + size)
        return offset

    def give(self, offset: int, size: int) -> None:
        """Free a block and join it with its neighbours."""
        offsets, sizes = self.offsets, self.sizes
        position = 0
        while position < len(offsets) and offsets[position] < offset:
            position += 1
        if position and offsets[position - 1] + sizes[position - 1] == offset:
            position -= 1
            sizes[position] += size
        else:
            offsets.insert(position, offset)
            sizes.insert(position, size)
        if position + 1 < len(offsets) and offsets[position] + sizes[position] == offsets[position + 1]:
            sizes[position] += sizes[position + 1]
            del offsets[position + 1], sizes[position + 1]
