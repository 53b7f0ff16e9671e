"""The command that checks a configuration."""

import pytest
from toy_data import make_config

from nnet.bin import check_config
from nnet.bin.check_config import main
from nnet.errors import InputError


def test_it_shows_every_layer_and_takes_a_step(tmp_path, capsys):
    main(["--dim", "20", str(make_config(tmp_path / "c.json"))])
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("network.tdnn1")).split()
    assert line[1:3] == ["26x16", f"{5 * 20 * 16 + 16:,}"]
    assert "every gradient finite" in out


def test_layers_that_cannot_be_listed_are_no_error(tmp_path, capsys, monkeypatch):
    config = str(make_config(tmp_path / "c.json"))
    main(["--dim", "20", "--set", "pooling.type=self_attention", config])
    out = capsys.readouterr().out
    assert any(line.startswith("other ") for line in out.splitlines()), "the keys times the queries, a reshaped weight"

    def refuse(*_):
        raise InputError("this network uses functions of MLX itself")

    monkeypatch.setattr(check_config, "cost_table", refuse)
    main(["--dim", "20", config])
    out = capsys.readouterr().out
    assert "layers cannot be listed: this network uses functions of MLX itself" in out
    assert "every gradient finite" in out


def test_it_shows_a_value_for_scripts(tmp_path, capsys):
    config = str(make_config(tmp_path / "c.json"))
    for key in ("training.epochs", "network.type", "features.dim", "network.dims"):
        main(["--show", key, config])
    assert capsys.readouterr().out == "3\ntdnn\n\n[16, 16, 24]\n"
    with pytest.raises(InputError, match="--show training.epoch: the configuration has no such key"):
        main(["--show", "training.epoch", config])


def test_features_must_fit_the_configuration(tmp_path, capsys):
    (tmp_path / "fbank.conf").write_text("--num-mel-bins=24\n")
    feats = ["--feats-type", "fbank", "--feats-config", str(tmp_path / "fbank.conf")]
    config = str(make_config(tmp_path / "c.json"))
    main([*feats, config])
    assert f"{5 * 24 * 16 + 16:,}" in capsys.readouterr().out
    with pytest.raises(InputError, match="features of 24 dimensions, but features.dim of the configuration is 20"):
        main([*feats, "--set", "features.dim=20", config])
    with pytest.raises(InputError, match=r"features.type is mfcc, but the features are fbank; change it in .*c.json"):
        main([*feats, "--set", "features.type=mfcc", config])


def test_it_explains(capsys):
    main(["--explain", "training.seed"])
    assert "the same seed gives the same model" in capsys.readouterr().out
    main(["--explain", "schedule.type"])
    assert (
        "validation: Halve the rate when the validation loss stops falling (tf-kaldi-speaker's rule)"
        in capsys.readouterr().out
    )


def test_it_says_whether_a_loss_has_a_growing_margin(tmp_path, capsys):
    config = str(make_config(tmp_path / "c.json"))
    for loss in ("softmax", "a_softmax", "additive_margin", "additive_angular_margin", "sphereface2", "ge2e"):
        main(["--has", "loss.initial_margin", "--set", f"loss.type={loss}", config])
    assert capsys.readouterr().out.split() == ["false", "false", "true", "true", "true", "false"]
