"""What command lines share: flags from a dataclass of options, help, errors."""

import dataclasses

import pytest

from nnet.bin.cli import add_options, options_from, parser
from nnet.errors import InputError
from nnet.options import build_section, option


@dataclasses.dataclass(frozen=True)
class Options:
    lda_dim: int = option(200, "Dimensions, 5 % of all.", low=0)
    prior: float | None = option(None, "A prior.", above=0, below=1)
    whiten: bool = option(False, "Whiten.")
    method: str = option("kaldi", "How.", choices=("kaldi", "coral"))
    snrs: tuple[float, ...] = option((15.0, 7.5), "SNRs.", low=0)
    secret: str | None = option(None, "Not for command lines.")


@pytest.fixture
def command():
    command = parser("Does something.")
    add_options(command, Options, skip=("secret",), method="--adapt-method")
    command.add_argument("files", nargs="*")
    return command


def test_what_is_not_given_has_its_default(command):
    assert options_from(command.parse_args([]), Options) == Options()


def test_flags_become_values_of_the_fields_types(command):
    words = "--lda-dim 0 --prior 0.5 --whiten true --adapt-method coral --snrs 10:5 file"
    assert options_from(command.parse_args(words.split()), Options) == Options(0, 0.5, True, "coral", (10.0, 5.0))


def test_help_shows_meaning_and_default_as_one_writes_it(command):
    text = " ".join(command.format_help().split())
    assert "--lda-dim LDA_DIM Dimensions, 5 % of all. (default: 200)" in text
    assert "--prior PRIOR A prior. --whiten WHITEN Whiten. (default: false)" in text
    assert "--adapt-method {kaldi,coral} How. (default: kaldi)" in text
    assert "SNRs. (default: 15:7.5)" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--lda-dim -1", "argument --lda-dim: must be at least 0, not -1"),
        ("--lda-dim x", "argument --lda-dim: invalid int value: 'x'"),
        ("--prior 1", "argument --prior: must be above 0 and below 1, not 1"),
        ("--prior nan", "argument --prior: must be above 0 and below 1, not nan"),
        ("--whiten yes", "argument --whiten: must be true or false, not 'yes'"),
        ("--adapt-method oral", "argument --adapt-method: invalid choice"),
        ("--snrs 5:-1", "argument --snrs: must be at least 0, not -1"),
        ("--snrs 5,1", "argument --snrs: invalid list of float value: '5,1'"),
        ("--lda 5", '--lda: no such option; did you mean "--lda-dim"?'),
        ("--lda=5", '--lda: no such option; did you mean "--lda-dim"?'),
        ("--secret x", "--secret: no such option"),
    ],
)
def test_a_mistake_ends_with_one_clear_line(command, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        command.parse_args(words.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_json_has_the_same_range():
    assert build_section(Options, {"prior": 0.5}, "c.json: x").prior == 0.5
    with pytest.raises(InputError, match=r"c\.json: x\.prior must be below 1, not 1\.0"):
        build_section(Options, {"prior": 1.0}, "c.json: x")
