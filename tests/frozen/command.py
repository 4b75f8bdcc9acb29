"""The command itself, as PyInstaller wants its entry: a script."""

from sizer.cli import entry

if __name__ == "__main__":
    entry()
