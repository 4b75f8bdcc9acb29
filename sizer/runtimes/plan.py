"""From a decision to what to type: settings in the runtime's own names, steps, the endpoint, and why."""

from __future__ import annotations

from dataclasses import replace

from sizer.runtimes.job import Job, Plan, PlanInput
from sizer.runtimes.plans import llama_cpp, lmstudio, mlx, ollama, vllm

__all__ = ["Plan", "PlanInput", "plan"]

FOREGROUND = "stays in the foreground"
OPTIONAL = "(optional)"
AWAITED = ("Start the service", "Start the app", "Start the server in the background", "Start the container", "Start the server")
PLANS = {"ollama": ollama.plan, "lmstudio": lmstudio.plan, "llama.cpp": llama_cpp.plan, "mlx": mlx.plan, "vllm": vllm.plan}


def plan(given: PlanInput) -> Plan:
    """Return how to get what was decided running on this machine, from the state in which it is."""
    made = PLANS[given.option.runtime](Job(given))
    return replace(made, settings={**made.settings, **_step_kinds(made)})


def _step_kinds(made: Plan) -> dict[str, list[str]]:
    """Return which steps stay in the foreground, which are optional and after which the server must answer before the next: scripts need to know."""
    foreground = [step.title for step in made.steps if step.note and FOREGROUND in step.note]
    optional = [step.title for step in made.steps if OPTIONAL in step.title]
    awaited = [step.title for step in made.steps if step.kind == "start" and step.title in AWAITED]
    return {"foreground": foreground, "optional": optional, "awaited": awaited}
