"""Units of memory. Bytes are integers everywhere; GiB appears only where people read."""

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
GB = 10**9


def pad(value: int, multiple: int) -> int:
    """Return ``value`` rounded up to a multiple of ``multiple``."""
    return (value + multiple - 1) // multiple * multiple
