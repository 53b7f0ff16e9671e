"""utils/parse_options.sh: Kaldi's contract, without its four weaknesses."""

import subprocess

import pytest

SCRIPT = """
set -euo pipefail
nj=4 compress=true opt= long_name=1 config=
. {root}/utils/parse_options.sh
echo "$nj|$compress|$opt|$long_name|$#|$*"
"""


@pytest.fixture
def parse(root, tmp_path):
    def run(*words, script=SCRIPT):
        path = tmp_path / "script.sh"
        path.write_text(script.replace("{root}", str(root)))
        return subprocess.run(["bash", path, *words], capture_output=True, text=True, cwd=tmp_path, timeout=20)

    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "4|true||1|0|"),
        (["--nj", "8", "a", "b"], "8|true||1|2|a b"),
        (["--long-name", "x y", "--compress", "false"], "4|false||x y|0|"),
        (["--long_name", "2"], "4|true||2|0|"),
        (["--opt", "", "a"], "4|true||1|1|a"),
        (["--opt", "-5", "--nj", "2"], "2|true|-5|1|0|"),
        (["a", "--nj", "8"], "4|true||1|3|a --nj 8"),
        (["--opt", "*", "--nj", "3"], "3|true|*|1|0|"),
    ],
)
def test_options(parse, words, expected):
    result = parse(*words)
    assert result.stdout == expected + "\n"
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nj"], "--nj: the value is missing"),
        (["--compress", "yes"], "--compress: expects true or false, not 'yes'"),
        (["--compress", ""], "expects true or false"),
        (["--nj=3"], "--nj=3: options are written '--name value'"),
        (["--nx", "3"], "--nx: no such option"),
        (["--bad.name", "3"], "--bad.name: not the name of an option"),
        (["--", "3"], "not the name of an option"),
        (["--nj", "3", "", "--opt", "x"], "an empty argument"),
        (["--config", "none.conf"], "cannot read 'none.conf'"),
    ],
)
def test_errors(parse, words, message):
    result = parse(*words)
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stdout == ""


def test_values_are_not_evaluated(parse, tmp_path):
    for value in ("$(touch evil)", "`touch evil`", "a;touch evil", '"; touch evil; "'):
        assert value in parse("--opt", value).stdout
    assert not (tmp_path / "evil").exists()


def test_config(parse, tmp_path):
    (tmp_path / "c.conf").write_text('# all of it\nnj=9 # nine\n\nlong-name="a b"\n--opt=$(touch evil)')
    assert parse("--config", "c.conf").stdout == "9|true|$(touch evil)|a b|0|\n"
    assert parse("--nj", "2", "--config", "c.conf").stdout.startswith("2|")
    assert parse("--opt", "--config", "a", "c.conf").stdout == "4|true|--config|1|2|a c.conf\n"
    assert not (tmp_path / "evil").exists()
    (tmp_path / "c.conf").write_text("nj=2\nnx=3\n")
    assert "c.conf:2: nx: no such option" in parse("--config", "c.conf").stderr
    (tmp_path / "c.conf").write_text("nj 2\n")
    assert "c.conf:1: expects name=value" in parse("--config", "c.conf").stderr


def test_options_may_have_any_name(parse, tmp_path):
    script = "set -eu\nname= line= value= number=0\n. {root}/utils/parse_options.sh\necho $name $line $value $number\n"
    (tmp_path / "c.conf").write_text("name=a\nline=b\nvalue=c\nnumber=4\n")
    assert parse("--config", "c.conf", script=script).stdout == "a b c 4\n"


FORWARDING = """
set -euo pipefail
nj=4 cmd=run.sh
program=(printf '[%s]')
help_message="a few words"
. {root}/utils/parse_options.sh
"${program[@]}" "$@"
echo "|$nj|$cmd"
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a", "b"], "[a][b]|4|run.sh"),
        (["--lda-dim", "5", "--nj", "2", "--set", "x=1 y=2", "a"], "[--lda-dim][5][--set][x=1 y=2][a]|2|run.sh"),
        (["--set", "x", "--set", "y"], "[--set][x][--set][y]|4|run.sh"),
        (["--lda_dim", "-5", "a"], "[--lda-dim][-5][a]|4|run.sh"),
        (["--init", "", "a"], "[a]|4|run.sh"),
        (["--pattern", "*", "$(touch evil)"], "[--pattern][*][$(touch evil)]|4|run.sh"),
        (["--config", "c.conf", "--nj", "3", "a"], "[--lda-dim][7][a]|3|run.sh"),
    ],
)
def test_a_program_is_given_the_options_that_are_not_the_scripts(parse, tmp_path, words, expected):
    (tmp_path / "c.conf").write_text("lda_dim=7\nnj=9\n")
    result = parse(*words, script=FORWARDING)
    assert (result.stdout, result.returncode) == (expected + "\n", 0)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("words", [["--lda-dim"], ["--lda-dim=5"], ["--bad.name", "3"]])
def test_what_is_no_option_reaches_no_program(parse, words):
    result = parse(*words, script=FORWARDING)
    assert (result.stdout, result.returncode) == ("", 1)


def test_help_of_a_program(parse):
    result = parse("--help", script=FORWARDING)
    assert result.returncode == 0
    assert result.stderr == "a few words\n[--help]"


def test_help(parse):
    result = parse("--help")
    assert result.returncode == 0
    assert "no help" in result.stderr
    assert "how to use it" in parse("-h", script="help_message='how to use it'\n" + SCRIPT).stderr


def test_it_leaves_nothing_behind_and_keeps_set_e_callers_alive(parse):
    script = (
        "set -eu\nnj=1\n. {root}/utils/parse_options.sh\nset | grep -c '^_po_[a-z]*=' || true\ndeclare -F | wc -l\n"
    )
    assert parse("--nj", "2", script=script).stdout.split() == ["0", "0"]
