"""What is written down: a JSON file for each part, and from all of them the tables and plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import plots, tables
from benchmarks.estimators import Found, estimator_table
from benchmarks.layers.tables import layer_table
from benchmarks.layers.tasks import LayerTask
from benchmarks.per_sample.tables import per_sample_table
from benchmarks.per_sample.tasks import PerSampleTask
from benchmarks.production import production_table
from benchmarks.scaling.measure import scaling_tables
from benchmarks.timing import Timing
from benchmarks.updates.tables import update_table
from benchmarks.updates.tasks import UpdateTask

__all__ = ["FOLDER", "collect", "write"]

FOLDER = Path(__file__).parent / "results"


def write(folder: Path, part: str, machine: dict[str, Any], found: Any) -> None:
    """Write the JSON file of a part; what an earlier run found on this machine besides stays."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part}.json"
    content = {"machine": machine, "found": _to_json(found)}
    if path.exists():
        content = _merge(json.loads(path.read_text()), content)
    path.write_text(json.dumps(content, indent=1) + "\n")


def collect(folder: Path) -> list[tables.Table]:
    """Draw the plots, write the tables to ``README.md``, and return them, for all there is."""
    parts = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    found = {part: content["found"] for part, content in parts.items()}
    made: list[tables.Table] = []
    pictures = []
    if "steps" in found:
        timings = [Timing.from_json(values) for values in found["steps"]]
        made += tables.step_tables(timings)
        plots.plot_steps(timings, folder / "steps.png")
        pictures.append("![Time of a step, relative to handgrad's](steps.png)")
    if "epoch" in found:
        made.append(tables.epoch_table([Timing.from_json(values) for values in found["epoch"]]))
    if "memory" in found:
        made.append(tables.memory_table(found["memory"]))
    if "sizes" in found:
        made.append(tables.size_table(found["sizes"]))
    if "layers" in found:
        layers = [Timing.from_json(values, LayerTask) for values in found["layers"]]
        made.append(layer_table(layers))
    if "per-sample" in found:
        each = [Timing.from_json(values, PerSampleTask) for values in found["per-sample"]]
        made.append(per_sample_table(each))
    if "updates" in found:
        updates = [Timing.from_json(values, UpdateTask) for values in found["updates"]]
        made.append(update_table(updates))
    if "estimators" in found:
        made.append(estimator_table([Found(**values) for values in found["estimators"]]))
    if "production" in found:
        made.append(production_table(found["production"]))
    if "growth" in found:
        growth = {
            axis: [Timing.from_json(values) for values in timings]
            for axis, timings in found["growth"].items()
        }
        plots.plot_growth(growth, folder / "growth.png")
        pictures.append("![Time against width, depth, batch and samples](growth.png)")
    if "scaling" in found:
        made += scaling_tables(found["scaling"])
        plots.plot_scaling(found["scaling"], folder / "scaling.png")
        pictures.append("![Rows a second on many machines, predicted](scaling.png)")
    for machine in _distinct(content["machine"] for content in parts.values()):
        made.append(tables.machine_table(machine))
    pages = [HEAD, *(table.markdown() for table in made), *(p + "\n" for p in pictures)]
    (folder / "README.md").write_text("\n".join(pages))
    return made


HEAD = """# Results

Written by `python -m benchmarks`; the JSON files beside this page hold every round.
"""


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return what a new run has found, and what only an old one has, if they are of one kind.

    The contestants of one task always come from one run, since their rounds belong together.
    """
    versions = old["machine"]["versions"] | new["machine"]["versions"]
    if old["machine"] | {"versions": versions} != new["machine"] | {"versions": versions}:
        return new
    if any(versions[name] != version for name, version in old["machine"]["versions"].items()):
        return new
    found = old["found"], new["found"]
    if isinstance(found[0], dict):
        merged: Any = found[0] | found[1]
    else:
        places = {key: i for i, key in enumerate(dict.fromkeys(map(_key, [*found[0], *found[1]])))}
        fresh = set(map(_key, found[1]))
        rows = [row for row in found[0] if _key(row) not in fresh] + found[1]
        merged = sorted(rows, key=lambda row: places[_key(row)])
    return {"machine": new["machine"] | {"versions": versions}, "found": merged}


def _key(row: dict[str, Any]) -> str:
    """Return what a row is about: a task with all its contestants, or one contestant."""
    return json.dumps(row["task"] if "task" in row else row["contestant"])


def _distinct(machines: Any) -> list[dict[str, Any]]:
    """Return the different machines that the parts were measured on, with all their versions."""
    merged: dict[str, dict[str, Any]] = {}
    for machine in machines:
        versions = machine.pop("versions")
        key = json.dumps(machine)
        merged.setdefault(key, {**machine, "versions": {}})["versions"].update(versions)
    return list(merged.values())


def _to_json(found: Any) -> Any:
    if isinstance(found, Timing | Found):
        return found.to_json()
    if isinstance(found, dict):
        return {key: _to_json(value) for key, value in found.items()}
    return [_to_json(value) for value in found] if isinstance(found, list) else found
