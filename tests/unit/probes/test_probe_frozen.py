"""Frozen applications: PyInstaller is told of what is imported by name, and a built application works and starts once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sizer.__pyinstaller import get_hook_dirs

ROOT = Path(__file__).resolve().parents[3]


def test_the_hook_is_announced_and_lies_where_it_is_said_to_lie() -> None:
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["pyinstaller40"]
    assert entry == {"hook-dirs": "sizer.__pyinstaller:get_hook_dirs"}
    (folder,) = get_hook_dirs()
    hook = (Path(folder) / "hook-sizer.py").read_text("utf-8")
    assert "hiddenimports" in hook
    assert "datas" in hook


@pytest.mark.skipif(not os.environ.get("SIZER_BUILD_FROZEN"), reason="builds an application (a minute); set SIZER_BUILD_FROZEN=1")
def test_a_built_application_asks_the_machine_and_starts_once(tmp_path: Path) -> None:
    pyinstaller = shutil.which("pyinstaller")
    if pyinstaller is None or sys.platform != "linux":
        pytest.skip("needs PyInstaller on Linux")
    (tmp_path / "app.py").write_text(
        f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\nimport sizer\nfrom sizer.probes import Live\n"
        "print(Live(timeout=1).ask('call:nvml'), sizer.recommend(use_case='chat').to_dict()['schema'])\n"
    )
    hooks = get_hook_dirs()[0]
    build = [pyinstaller, "--onefile", "--log-level", "ERROR", "--paths", str(ROOT), "--additional-hooks-dir", hooks, "app.py"]
    subprocess.run(build, cwd=tmp_path, check=True, timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT)})
    source = Path(__file__).with_name("nvml_stub.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-o", tmp_path / "libnvidia-ml.so.1", source], check=True)
    answers = {"ok": "NVIDIA H200", "hang": "timeout", "crash": "crashed: signal 11"}
    for mood, said in answers.items():
        environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "STUB": mood}
        done = subprocess.run([tmp_path / "dist" / "app"], env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert said in done.stdout
        assert "sizer/recommendation/1" in done.stdout
    assert (tmp_path / "starts").read_text() == "x" * len(answers)
