"""The contestants, one a file: each trains the network of a task as its users would."""

from __future__ import annotations

from importlib import import_module

from benchmarks.contestants.contestant import Contestant, Entrant

__all__ = [
    "FAMILIES",
    "FAST",
    "LAYERS",
    "NAMES",
    "OURS",
    "PER_SAMPLE",
    "UPDATES",
    "Contestant",
    "load",
]

OURS = "handgrad"
FAST = "handgrad[fast]"

NAMES = {
    "floor": "benchmarks.contestants.floor.Floor",
    OURS: "benchmarks.contestants.ours.Handgrad",
    FAST: "benchmarks.contestants.ours.HandgradFast",
    "bare loop": "benchmarks.contestants.ours.BareLoop",
    "torch": "benchmarks.contestants.torch_eager.TorchEager",
    "torch, fused": "benchmarks.contestants.torch_eager.TorchFused",
    "torch.compile": "benchmarks.contestants.torch_compile.TorchCompile",
    "jax": "benchmarks.contestants.jax_jit.JaxJit",
    "scikit-learn": "benchmarks.contestants.scikit_learn.ScikitLearn",
    "thinc": "benchmarks.contestants.thinc_chain.ThincChain",
}
"""For each name the class. A contestant is imported in its own process only."""

LAYERS = {
    OURS: "benchmarks.layers.ours.HandgradLayer",
    FAST: "benchmarks.layers.ours.HandgradLayerFast",
    "torch": "benchmarks.layers.torch_eager.TorchLayer",
    "torch, other layout": "benchmarks.layers.torch_eager.TorchOtherLayout",
    "torch.compile": "benchmarks.layers.torch_compile.TorchCompileLayer",
    "jax": "benchmarks.layers.jax_jit.JaxLayer",
}
"""Those that run layers."""

PER_SAMPLE = {
    OURS: "benchmarks.per_sample.ours.HandgradPerSample",
    f"{OURS}, in place": "benchmarks.per_sample.ours.HandgradInPlace",
    "torch": "benchmarks.per_sample.torch_vmap.TorchVmap",
    "jax": "benchmarks.per_sample.jax_vmap.JaxVmap",
}
"""Those that find the gradients of each sample."""

UPDATES = {
    OURS: "benchmarks.updates.ours.HandgradUpdate",
    FAST: "benchmarks.updates.ours.HandgradUpdateFast",
    "torch": "benchmarks.updates.torch_fused.TorchFused",
}
"""Those that update parameters."""

FAMILIES = {"networks": NAMES, "layers": LAYERS, "per-sample": PER_SAMPLE, "updates": UPDATES}


def load(name: str, family: str = "networks") -> type[Entrant]:
    """Import a contestant.

    Raises
    ------
    ImportError
        What it needs is not installed.
    """
    module, _, attribute = FAMILIES[family][name].rpartition(".")
    cls: type[Entrant] = getattr(import_module(module), attribute)
    return cls
