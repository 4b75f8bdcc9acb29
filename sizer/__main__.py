"""``python -m sizer``."""

from sizer.cli import entry

if __name__ == "__main__":
    entry()
