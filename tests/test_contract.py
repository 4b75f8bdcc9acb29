"""The outside contract: real answers validate, their keys exist, what was once written stays valid, the names stay."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sizer
from sizer.cli import COMMANDS, main
from sizer.commands import options, schema
from sizer.schema import generate

ROOT = Path(__file__).resolve().parents[1]
GOLDENS = ROOT / "tests" / "contract" / "v1"
CARD = ["--gpu", "RTX 3060", "--ram", "32", "--os", "linux"]
# document: the call that writes it
CALLS: dict[str, tuple[str, list[str]]] = {
    "recommendation": ("recommendation", ["recommend", *CARD]),
    "recommendation-mac": ("recommendation", ["recommend", "--chip", "M3 Max", "--ram", "64"]),
    "recommendation-windows": ("recommendation", ["--gpu", "RTX 3060", "--vram", "12", "--ram", "32", "--os", "windows", "--audience", "non-technical"]),
    "recommendation-server": ("recommendation", ["--gpu", "2x RTX 3090", "--ram", "128", "--os", "linux", "--deployment", "server", "--parallel", "8"]),
    "recommendation-embedding": ("recommendation", ["--use-case", "embedding", *CARD]),
    "recommendation-nothing": ("recommendation", ["--gpu", "none", "--ram", "1", "--os", "linux", "--model", "deepseek-r1-671b"]),
    "recommendation-beside": ("recommendation", ["--with", "embedding", *CARD]),
    "machine": ("machine-written", ["probe", *CARD]),
    "machine-mac": ("machine-written", ["probe", "--chip", "M1", "--ram", "8"]),
    "estimate": ("estimate", ["estimate", "qwen3-8b", "--context", "16384", *CARD]),
    "estimate-rule": ("estimate", ["estimate", "--params", "7B", "--bits", "4", *CARD]),
    "models": ("models", ["models", "search", "qwen3"]),
    "accelerators": ("accelerators", ["gpus", "RTX 3060"]),
    "plan": ("plan", ["plan", "qwen3-8b"]),
    "why-not": ("why-not", ["why-not", "llama-3.3-70b", *CARD]),
    "error": ("error", ["--context", "abc"]),
}  # fmt: skip
# keys that the contract promises, by the path to them; a list means each of its entries
KEYS = {
    "machine": {
        "": "schema platform cpu memory accelerators disk runtimes notices elapsed_ms",
        "platform": "os os_version distro kernel arch container wsl virtual_machine rosetta display",
        "cpu": "name vendor physical_cores logical_cores performance_cores features avx2 avx512 neon",
        "memory": "total_bytes available_bytes limit_bytes budget_bytes bandwidth_gbs bandwidth_source",
        "accelerators": "name vendor key kind memory_total_bytes memory_free_bytes shared_memory_bytes budget_bytes apis driver_version compute_capability "
        "gfx_target bandwidth_gbs fp16_tflops pci_id bus_id usable evidence",
        "disk": "path free_bytes",
        "runtimes": "ollama lmstudio llama.cpp mlx vllm docker",
        "runtimes.ollama": "installed version running endpoint models loaded",
        "notices": "code level message remedy",
    },
    "estimate": {
        "": "schema model quant context context_total kv_type_k kv_type_v flash_attn ubatch parallel gpu_layers runtime backend memory speed",
        "memory": "weights_bytes kv_cache_bytes recurrent_state_bytes compute_bytes projector_bytes runtime_overhead_bytes total_bytes devices "
        "rule_of_thumb_bytes exactness",
        "memory.devices": "name kind weights_bytes kv_cache_bytes recurrent_state_bytes compute_bytes overhead_bytes total_bytes budget_bytes fits",
        "speed": "decode_tps decode_tps_low decode_tps_high prefill_tps prefill_tps_low prefill_tps_high ttft_s bound calibration",
    },
    "recommendation": {
        "": "schema machine needs tier pick alternatives rejected fallback notices elapsed_ms catalog",
        "needs": "use_case needs context parallel license deployment audience",
        "pick": "model display_name parameters active_parameters quant file_format source download_bytes runtime backend context context_total kv_type_k "
        "kv_type_v parallel gpu_layers memory speed quality capabilities embedding_dimensions license settings steps endpoint why",
        "pick.source": "ollama_tag hf_repo file lmstudio_key mlx_repo",
        "pick.quality": "score uncertainty use_case sources",
        "pick.license": "model runtime",
        "pick.steps": "title kind command os note",
        "pick.endpoint": "base_url model api_key openai_compatible",
        "pick.why": "rule fact source",
        "alternatives": "role model quant runtime memory speed",
        "rejected": "reason",
        "catalog": "version date models",
    },
    "models": {
        "": "schema models",
        "models": "id name family parameters active_parameters released license commercial_use roles capabilities context recommend quality quants "
        "sources checked",
        "models.quants": "quant download_bytes",
    },
    "accelerators": {"": "schema accelerators", "accelerators": "key name vendor kind memory_bytes bandwidth_gbs fp16_tflops source checked"},
    "error": {"": "schema code message hint exit_code"},
}  # fmt: skip


def document(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert code in (0, 2, 3), err
    parsed: dict[str, Any] = json.loads(out)
    return parsed


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema.text(name)))


def complaints(name: str, value: Any) -> list[str]:
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator(name).iter_errors(value)]


def entries(value: Any, path: str) -> list[Any]:
    """Return what lies at a dotted path; a list on the way stands for its entries. "llama.cpp" is never on the way."""
    found = [value]
    for part in path.split(".") if path else ():
        found = [item for entry in found for item in (entry if isinstance(entry, list) else [entry])]
        found = [entry[part] for entry in found]
    return [item for entry in found for item in (entry if isinstance(entry, list) else [entry])]


@pytest.mark.parametrize("name", CALLS)
def test_what_the_program_writes_validates_against_its_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema_name, arguments = CALLS[name]
    value = document(arguments, capsys)
    assert complaints(schema_name, value) == []
    if os.environ.get("SIZER_UPDATE"):
        GOLDENS.mkdir(parents=True, exist_ok=True)
        (GOLDENS / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", KEYS)
def test_every_key_of_the_contract_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    value = document(CALLS[name][1], capsys)
    for path, keys in KEYS[name].items():
        found = entries(value, path)
        assert found, f"{path} is empty, nothing was looked at"
        for entry in found:
            missing = [key for key in keys.split() if key not in entry]
            assert not missing, f"{name}: {path} lacks {missing}"


def test_what_the_program_writes_it_also_reads(capsys: pytest.CaptureFixture[str]) -> None:
    from sizer.schema.estimate import Estimate

    value = document(CALLS["recommendation"][1], capsys)
    assert sizer.Recommendation.from_dict(value).to_dict() == value
    assert sizer.Machine.from_dict(value["machine"]).to_dict() == value["machine"]
    assert complaints("machine", value["machine"]) == []
    estimate = document(CALLS["estimate"][1], capsys)
    assert Estimate.from_dict(estimate).to_dict() == estimate


def test_unknown_keys_are_ignored_and_missing_ones_are_null() -> None:
    machine = sizer.Machine.from_dict({"schema": "sizer/machine/1", "platform": {"os": "linux", "later": 1}, "memory": {"total_bytes": 5}, "later": 2})
    assert machine.memory.available_bytes is None and machine.accelerators == ()


@pytest.mark.parametrize("path", sorted(GOLDENS.glob("*.json")), ids=lambda path: path.stem)
def test_what_an_older_version_wrote_is_still_valid(path: Path) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    assert complaints(CALLS[path.stem][0], value) == []


def test_there_is_a_golden_of_every_document() -> None:
    assert {path.stem for path in GOLDENS.glob("*.json")} == set(CALLS)


def test_the_committed_schemas_are_the_generated_ones() -> None:
    assert generate.stale() == [], "run python -m sizer.schema.generate"


def test_every_schema_is_a_valid_schema_and_is_printed() -> None:
    assert set(schema.NAMES) == set(generate.DOCUMENTS)
    assert {path.name for path in generate.FOLDER.glob("*.schema.json")} == {f"{name}.schema.json" for name in schema.NAMES}
    for name in schema.NAMES:
        jsonschema.Draft202012Validator.check_schema(json.loads(schema.text(name)))


def test_a_schema_refuses_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    value = document(CALLS["recommendation"][1], capsys)
    value["pick"]["download_bytes"] = "five"
    del value["pick"]["steps"]
    assert len(complaints("recommendation", value)) >= 1


def test_exit_code_3_has_the_least_bad_first_and_a_fallback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALLS["recommendation-nothing"][1], "--json"]) == 3
    value = json.loads(capsys.readouterr().out)
    assert value["pick"] is None and value["fallback"] and value["notices"]
    assert all(pick["role"] == "least-bad" for pick in value["alternatives"][:1])


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(COMMANDS) == {"recommend", "probe", "estimate", "plan", "why-not", "models", "gpus", "catalog", "doctor", "schema"}


def test_the_options_are_those_of_the_contract() -> None:
    def names(parameters: list[Any]) -> set[str]:
        return {option for parameter in parameters for option in parameter.opts if option.startswith("--")}

    everywhere = "--json --quiet --verbose --no-color --offline --catalog"
    machine = "--machine --gpu --vram --ram --cpu-cores --os --chip"
    recommend = (
        "--use-case --needs --context --model --quant --kv-type --runtime --deployment --audience --parallel --min-tps --license --max-download --budget "
        "--reserve --with --port --serve --top --explain --emit"
    )
    estimate = (
        "--quant --context --context-total --kv-type --kv-type-k --kv-type-v --flash-attn --ubatch --parallel --gpu-layers --cpu-moe --kv-unified --swa-full "
        "--outputs --runtime --backend --prompt --explain --params --bits"
    )
    assert set(everywhere.split()) <= names(options.global_options())
    assert set(machine.split()) == names(options.machine_options())
    assert set(recommend.split()) <= names(options.recommend_options())
    assert set(estimate.split()) <= names(options.estimate_options())


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sizer.__version__ == project["version"]
