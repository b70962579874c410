"""What is written down: a JSON file for each part, and from all of them the tables and plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import plots, tables
from benchmarks.timing import Timing

__all__ = ["FOLDER", "collect", "write"]

FOLDER = Path(__file__).parent / "results"


def write(folder: Path, part: str, machine: dict[str, Any], found: Any) -> None:
    """Write the JSON file of a part."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine, "found": _to_json(found)}, indent=1)
    (folder / f"{part}.json").write_text(text + "\n")


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
    if "growth" in found:
        growth = {
            axis: [Timing.from_json(values) for values in timings]
            for axis, timings in found["growth"].items()
        }
        plots.plot_growth(growth, folder / "growth.png")
        pictures.append("![Time against width, depth, batch and samples](growth.png)")
    for machine in _distinct(content["machine"] for content in parts.values()):
        made.append(tables.machine_table(machine))
    pages = [HEAD, *(table.markdown() for table in made), *(p + "\n" for p in pictures)]
    (folder / "README.md").write_text("\n".join(pages))
    return made


HEAD = """# Results

Written by `python -m benchmarks`; the JSON files beside this page hold every round.
"""


def _distinct(machines: Any) -> list[dict[str, Any]]:
    """Return the different machines that the parts were measured on, with all their versions."""
    merged: dict[str, dict[str, Any]] = {}
    for machine in machines:
        versions = machine.pop("versions")
        key = json.dumps(machine)
        merged.setdefault(key, {**machine, "versions": {}})["versions"].update(versions)
    return list(merged.values())


def _to_json(found: Any) -> Any:
    if isinstance(found, Timing):
        return found.to_json()
    if isinstance(found, dict):
        return {key: _to_json(value) for key, value in found.items()}
    return [_to_json(value) for value in found] if isinstance(found, list) else found
