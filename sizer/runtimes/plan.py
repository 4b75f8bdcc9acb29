"""From a decision to what to type: settings in the runtime's own names, steps, the endpoint, and why."""

from __future__ import annotations

from sizer.runtimes.job import Job, Plan, PlanInput
from sizer.runtimes.plans import llama_cpp, lmstudio, mlx, ollama, vllm

__all__ = ["Plan", "PlanInput", "plan"]

PLANS = {"ollama": ollama.plan, "lmstudio": lmstudio.plan, "llama.cpp": llama_cpp.plan, "mlx": mlx.plan, "vllm": vllm.plan}


def plan(given: PlanInput) -> Plan:
    """Return how to get what was decided running on this machine, from the state in which it is."""
    return PLANS[given.option.runtime](Job(given))
