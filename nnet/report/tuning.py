"""Comparison of trainings: what differs between their configurations, and what it does to losses and EER."""

import glob
import os
from dataclasses import dataclass

from nnet.config.compare import differing_settings
from nnet.errors import InputError
from nnet.files import check_entries, read_json
from nnet.model.directory import read_config
from nnet.report import plots
from nnet.report.epochs import read_epochs
from nnet.report.sections import NONE, Section

DEVELOPMENT = "development, best epoch"


@dataclass(frozen=True)
class Run:
    """A training.

    Attributes:
        name: of its model directory.
        settings: its configuration as a JSON object.
        epochs: lines of its log.jsonl.
        eers: {trial list and system: EER in percent}, from the metrics.json of its reports, and that of the development
            trials.
    """

    name: str
    settings: dict
    epochs: list
    eers: dict


def read_run(directory):
    """Reads a model directory as a Run; InputError if there is no finished epoch."""
    settings = read_config(directory)[0].to_dict()
    epochs = read_epochs(os.path.join(directory, "log.jsonl"))
    if not epochs:
        raise InputError(f"{directory}/log.jsonl: no epoch has finished")
    best = [line["dev_eer"] for line in epochs if line.get("dev_eer") is not None]
    eers = {DEVELOPMENT: min(best)} if best else {}
    for path in sorted(glob.glob(os.path.join(glob.escape(directory), "**/metrics.json"), recursive=True)):
        systems = read_json(path)
        if "systems" not in systems:  # of a diarization
            continue
        check_entries(systems, {"systems": dict}, path)
        folder = os.path.relpath(os.path.dirname(path), directory).removeprefix("report").strip("/._")
        for system, figures in systems["systems"].items():
            check_entries(figures, {"eer": (int, float)}, f"{path}: {system}")
            eers[f"{folder} {system}".strip()] = 100 * figures["eer"]
    return Run(os.path.normpath(directory), settings, epochs, eers)


def differences(runs):
    """Returns `{dotted key: [value in each run]}` of the keys that are not the same in all runs."""
    first = runs[0].settings
    keys = dict.fromkeys(key for run in runs[1:] for key in differing_settings(first, run.settings))
    return {key: [_value(run.settings, key) for run in runs] for key in sorted(keys)}


def tuning_sections(runs):
    """Builds the Sections of the page about trainings."""
    keys = differences(runs)
    measured = list(dict.fromkeys(name for run in runs for name in run.eers))
    names = [run.name for run in runs]
    rows = [["training", *keys, "epochs", "train loss", "valid loss", *(f"EER %, {name}" for name in measured)]]
    for i, run in enumerate(runs):
        last = run.epochs[-1]
        figures = [_number(last.get(key), "{:.4f}") for key in ("train_loss", "valid_loss")]
        eers = [_number(run.eers.get(name), "{:.3f}") for name in measured]
        rows.append([run.name, *(str(values[i]) for values in keys.values()), str(last["epoch"]), *figures, *eers])
    text = "Losses are those of the last epoch. " + (
        f"The configurations differ in {', '.join(keys)}." if keys else "The configurations do not differ."
    )
    found = [Section("Trainings", text, rows), _epochs(names, runs)]
    sweeps = {key: values for key, values in keys.items() if _is_sweep(values)}
    if sweeps:
        found.append(_sweeps(sweeps, {name: [run.eers.get(name) for run in runs] for name in measured}))
    return found


def _epochs(names, runs):
    images = {}
    for key, label in (
        ("dev_eer", "Development EER (%)"),
        ("valid_loss", "Validation loss"),
        ("train_loss", "Training loss"),
    ):
        curves = {
            name: [(line["epoch"], line[key]) for line in run.epochs if line.get(key) is not None]
            for name, run in zip(names, runs, strict=True)
        }
        if any(curves.values()):
            images[f"{key}.svg"] = f"{label.lower()} over the epochs", plots.curves_plot(curves, "Epoch", label)
    text = "With a margin that grows during training, losses grow with it; the EER does not."
    return Section("Over the epochs", text, images=images)


def _sweeps(sweeps, eers):
    """Plots EERs over each key with numbers; runs of the same value are averaged."""
    images = {}
    for number, (key, values) in enumerate(sweeps.items(), 1):
        curves = {}
        for name, of_runs in eers.items():
            points = {}
            for value, eer in zip(values, of_runs, strict=True):
                if eer is not None:
                    points.setdefault(value, []).append(eer)
            curves[name] = [(value, sum(points[value]) / len(points[value])) for value in sorted(points)]
        images[f"sweep_{number}.svg"] = f"EER over {key}", plots.curves_plot(curves, key, "EER (%)")
    text = "Each point is the mean over the trainings with this value, whatever else differs between them."
    return Section("Over the values", text, images=images)


def _is_sweep(values):
    numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return numeric and len(set(values)) > 1


def _value(settings, key):
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, dict) else None
    return settings


def _number(value, form):
    return NONE if value is None else form.format(value)
