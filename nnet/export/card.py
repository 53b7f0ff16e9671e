"""A model card: what is known of a model, and nothing else."""

import os

import yaml

from nnet.errors import InputError
from nnet.feats.front_end import describe
from nnet.files import read_json
from nnet.model.cost import count_parameters
from nnet.report.sections import cost_notes, summary_rows
from nnet.report.tables import as_markdown

UNKNOWN = "not stated"
TAGS = ("speaker-verification", "speaker-recognition", "mlx")


def model_card(model, config, about, described, reports, checkpoint=None):
    """The README.md of an exported model.

    Args:
        model, config, about: as `nnet.model.directory.load_speaker_net` gives them.
        described: {"name", "licence", "data"}, in the words of who gives the model away; None where nothing is said.
        reports: contents of metrics.json files (`nnet.report.results.evaluate`).
        checkpoint: name of the PyTorch checkpoint within the folder, or None.
    """
    parts = [_head(described), f"# {described['name']}", _about(model, config, about, described)]
    parts += ["## Metrics", _metrics(reports), "## Use", _use(described["name"])]
    if checkpoint:
        parts += ["## PyTorch", _pytorch(checkpoint, config)]
    return "\n\n".join(parts) + "\n"


def read_report(path):
    """The content of a metrics.json."""
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; steps/compute_metrics.sh --report DIR makes it")
    report = read_json(path)
    try:
        _metrics([report])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path}: is no metrics.json of a report ({error!r})") from None
    return report


def _head(described):
    licence = {"license": described["licence"]} if described["licence"] else {}
    return f"---\n{yaml.safe_dump(licence | {'tags': list(TAGS)}, sort_keys=False, allow_unicode=True)}---"


def _about(model, config, about, described):
    conf, speakers = about["feats_conf"], about["num_speakers"]
    facts = {
        "Network": f"{config.network.type}, {config.pooling.type} pooling, {count_parameters(model):,} parameters",
        "Embedding": f"{model.endpoint_dim(model.node)} dimensions ({model.node})",
        "Features": describe(conf) if conf else UNKNOWN,
        "Training data": described["data"] or UNKNOWN,
        "Training speakers": str(speakers) if speakers else "not recorded",
        "Licence": described["licence"] or UNKNOWN,
        "Note": config.note or "none",
    }
    return "\n".join(f"- **{name}**: {fact}" for name, fact in facts.items())


def _metrics(reports):
    if not reports:
        return "None were recorded with the model."
    tables = []
    for report in reports:
        about = f"Trials `{report['trials']}`, {report['num_speakers']} speakers:"
        tables.append(f"{about}\n\n{as_markdown(summary_rows(report))}\n" + "  \n".join(cost_notes(report)))
    return "\n\n".join(tables)


def _use(name):
    return f"""With mlx-kaldi-speaker, this folder (or its name on the hub, where `huggingface_hub` is installed):

```python
import nnet

model = nnet.load_model("{name}")
vector = model.embed_file("a.wav")
```

```
mlx-speaker compare {name} a.wav b.wav
```

`self_test.safetensors` holds a recording and the embedding that it gave here; `load_model` repeats that and complains
where it finds another."""


def _pytorch(checkpoint, config):
    eps = getattr(config.pooling.options, "eps", None)
    pooling = f" The pooling adds {eps:g} to the variance before it takes the root." if eps is not None else ""
    return (
        f"`{checkpoint}` has the same weights for `load_state_dict`, in the names of the toolkit that the network is "
        f"from; its features are those above.{pooling}"
    )
