"""What the tests of local/ share."""

import importlib
import logging
import types

import pytest

from nnet.errors import InputError


@pytest.fixture
def local(root, monkeypatch, caplog, capsys):
    """Runs a script of local/ with arguments, in this process: gives returncode, stdout and stderr."""
    monkeypatch.syspath_prepend(str(root / "local"))
    caplog.set_level(logging.INFO)

    def run(script, *arguments):
        caplog.clear()
        capsys.readouterr()
        status, message = 0, ""
        try:
            status = importlib.import_module(script.removesuffix(".py")).main([str(a) for a in arguments]) or 0
        except InputError as error:
            status, message = 1, f"error: {error}"
        return types.SimpleNamespace(returncode=status, stdout=capsys.readouterr().out, stderr=caplog.text + message)

    return run
