"""The options that a plan emits, given to a real llama-server. Needs ``SIZER_LLAMA_SERVER`` (see benchmarks/live_server.py); skipped without it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import live_server
import tiny_model

PROGRAM = os.environ.get("SIZER_LLAMA_SERVER")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="SIZER_LLAMA_SERVER does not name a llama-server")


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    port = live_server.free_port()
    words, endpoint = live_server.emitted(port)
    model = tiny_model.write(tmp_path_factory.mktemp("model") / "tiny.gguf")
    with live_server.running(str(PROGRAM), live_server.on_file(words, model), f"http://127.0.0.1:{port}") as server:
        yield server, endpoint


def test_the_server_lists_the_model_under_the_id_of_the_endpoint(chat: tuple[Any, Any]) -> None:
    server, endpoint = chat
    assert [entry["id"] for entry in server.get("/v1/models")["data"]] == [endpoint.model]
    assert endpoint.base_url.endswith(f":{server.base.rpartition(':')[2]}/v1")


def test_the_server_completes(chat: tuple[Any, Any]) -> None:
    server, endpoint = chat
    answer = server.post("/v1/chat/completions", {"model": endpoint.model, "messages": [{"role": "user", "content": "abc"}], "max_tokens": 4})
    assert answer["choices"][0]["message"]["role"] == "assistant" and answer["usage"]["completion_tokens"] == 4


def test_the_context_is_the_one_that_was_set(chat: tuple[Any, Any]) -> None:
    server, _ = chat
    assert server.get("/props")["default_generation_settings"]["n_ctx"] == 2 * 2048, "two slots share the context of both"


def test_the_cache_is_as_large_as_its_formula_says(chat: tuple[Any, Any]) -> None:
    server, _ = chat
    row = tiny_model.WIDTH // tiny_model.HEADS * tiny_model.KV_HEADS
    q8_0 = 34 / 32
    expected = 2 * 2048 * tiny_model.LAYERS * 2 * row * q8_0
    assert server.buffers()["KV"] == pytest.approx(expected, abs=0.01 * live_server.MIB)


def test_the_estimate_of_the_file_stands_beside_what_the_server_took(chat: tuple[Any, Any], tmp_path: Path) -> None:
    import sizer

    server, _ = chat
    path = tiny_model.write(tmp_path / "tiny.gguf")
    cost = sizer.estimate(str(path), context=2048, parallel=2, kv_type_k="q8_0", kv_type_v="q8_0", backend="cpu", runtime="llama.cpp")
    taken = server.buffers()
    assert cost.memory.weights_bytes == pytest.approx(taken["model"], rel=0.05)
    assert cost.memory.kv_cache_bytes == pytest.approx(taken["KV"], rel=0.05)
    assert cost.memory.compute_bytes == pytest.approx(taken["compute"], rel=0.25, abs=live_server.MIB)


def test_an_embedding_server_takes_an_input_as_long_as_its_context(tmp_path: Path) -> None:
    port = live_server.free_port()
    words, endpoint = live_server.emitted(port, embeds=True, context=1024, parallel=1, kv_type="f16")
    model = tiny_model.write(tmp_path / "tiny.gguf", pools=True)
    with live_server.running(str(PROGRAM), live_server.on_file(words, model), f"http://127.0.0.1:{port}") as server:
        answer = server.post("/v1/embeddings", {"model": endpoint.model, "input": "a" * 900})
        assert len(answer["data"][0]["embedding"]) == tiny_model.WIDTH
