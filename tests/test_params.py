import pytest
import yaml
from dvc.utils.serialize import load_yaml

from har.errors import HarError
from har.params import ConvRecurrent, Params, Recurrent
from har.yaml import MAX_YAML, parse


def read(tmp_path, text="{}", arguments=()):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return Params.read(path, arguments)


def test_numbers_written_as_yaml_1_1_strings_are_numbers(tmp_path):
    text = "train: {learning_rate: 1e-05}"
    assert isinstance(yaml.safe_load(text)["train"]["learning_rate"], str)
    assert read(tmp_path, text).train.learning_rate == 1e-5


def test_the_command_line_comes_before_the_file(tmp_path):
    arguments = [
        "--model.hidden_size=32",
        "--split.val_subjects",
        "[1, 3]",
        "--windowing.channels",
        "[total_acc]",
    ]
    params = read(tmp_path, "model: {hidden_size: 16, num_layers: 3}", arguments)
    assert (params.model.hidden_size, params.model.num_layers) == (32, 3)
    assert params.split.val_subjects == [1, 3]
    assert params.windowing.channels == ["total_acc"]


@pytest.mark.parametrize(
    ("arguments", "section", "key", "expected"),
    [
        ("--model.hidden_size 128", "model", "hidden_size", 128),
        ("--split.val_subjects 3", "split", "val_subjects", 3),
        ("--split.val_subjects [1,3]", "split", "val_subjects", [1, 3]),
        ("--split.val_subjects [3]", "split", "val_subjects", [3]),
        ("--model.companding []", "model", "companding", []),
        ("--model.bidirectional=false", "model", "bidirectional", False),
        ("--train.learning_rate 1e-5", "train", "learning_rate", 1e-5),
        ("--workers.jobs -1", "workers", "jobs", -1),
        ("--workers.address 127.0.0.1:8786", "workers", "address", "127.0.0.1:8786"),
        ("--train.epochs 3 --train.epochs 4", "train", "epochs", 4),
    ],
)
def test_values_on_the_command_line_are_written_as_in_the_file(
    tmp_path, arguments, section, key, expected
):
    params = read(tmp_path, "{}", arguments.split())
    assert getattr(getattr(params, section), key) == expected


def test_a_list_of_words_needs_no_quotes(tmp_path):
    arguments = ["--windowing.channels", "[total_acc, gyro]"]
    assert read(tmp_path, "{}", arguments).windowing.channels == ["total_acc", "gyro"]


def test_one_section_serves_both_networks(tmp_path):
    text = "model: {name: conv_recurrent, filters: 32, head_size: 16, hidden_size: 8}"
    conv = read(tmp_path, text).model
    assert isinstance(conv, ConvRecurrent)
    assert (conv.filters, conv.hidden_size) == (32, 8)
    plain = read(tmp_path, text, ["--model.name", "recurrent"])
    assert isinstance(plain.model, Recurrent)
    assert (plain.model.head_size, plain.model.hidden_size) == (16, 8)
    assert "model.filters" not in plain.flat()
    assert isinstance(Params().model, ConvRecurrent)
    with pytest.raises(HarError, match="model.num_layers=0"):
        read(tmp_path, "model: {num_layers: 0}", ["--model.name", "recurrent"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {hidden_size: -3}", "model.hidden_size=-3: .*greater than or equal to 1"),
        ("model: {cell: lstmm}", "model.cell=lstmm: .*'lstm' or 'gru'"),
        ("model: {size: 3}", "model.size: no such setting"),
        ("model: {name: recurrent, size: 3}", "^model.size: no such setting"),
        ("model: {name: transformer}", "model.name=transformer: .*'conv_recurrent', 'recurrent'"),
        ("model: 3", "model=3: should hold settings"),
        ("modle: {size: 3}", "modle: no such setting"),
        ("train: {epochs: 2.5}", "train.epochs=2.5"),
        ("train: {epochs: yes}", "train.epochs=yes"),  # a text, in YAML 1.2
        ("train: {epochs: true}", "train.epochs=True"),
        ("split: {val_subjects: [true]}", "is true or false"),
        ("model: {pooling: [2, true]}", "is true or false"),
        ("train:\n  epochs: 1:30", "train.epochs=1:30"),
        ("train: {epochs: 3, epochs: 4}", "not YAML .*duplicate key"),
        ("train: {epochs: 3}\ntrain: {epochs: 4}", "not YAML .*duplicate key"),
        ("train: {epochs: 0b_}", "not a value in YAML"),
        ("train: {epochs: 2020-13-45}", "not a value in YAML"),
        ("train: {epochs: " + "9" * 5000 + "}", "not a value in YAML"),
        ("train: {epochs: 0x" + "f" * 9000 + "}", "train.epochs=a huge number"),
        ("train: {epochs: " + "a" * 9000 + "}", r"train.epochs=a{60}\.\.\.:"),
        ("train: {" + "a" * 900 + ": 3}", r"train\.a{54}\.\.\.: no such setting"),
        ("train: " + "[" * 100 + "]" * 100, "line 1: more than 16 levels"),
        ("train: &a {epochs: *a}", r"line 1: \*a stands for nothing before it"),
        ("train: !!set {epochs}", "line 1: a tag, tag:yaml.org,2002:set, which is not taken"),
        ("a: 3\n---\nb: 4", "not YAML .*line 2: .*another document"),
        ("# " + "a" * MAX_YAML, "longer than"),
        ("".join(f"a{i}: 3\n" for i in range(5000)), "no such setting; and 4990 more$"),
        ("train: {learning_rate: .nan}", "train.learning_rate=nan"),
        ("windowing: {channels: [acc]}", "'acc' is none of total_acc, body_acc"),
        ("windowing: {channels: []}", "windowing.channels"),
        ("dataset: {names: hapt}", r"dataset.names=hapt: .* a list, such as \[this, that\]"),
        ("windowing: {channels: [gyro, gyro]}", "named twice"),
        ("windowing: {overlap: 1}", "windowing.overlap=1"),
        ("workers: {jobs: 0}", "workers.jobs=0: should be -1, or 1 or more"),
        ("model: {kernels: [4]}", "model.kernels=4: should be odd"),
        ("model: {filters: 1, kernels: [3, 5]}", "raise model.filters"),
        ("model: {pooling: [4]}", "model.pooling="),
        ("windowing: {size: 16}\nmodel: {pooling: [4, 8]}", "needs windows of 32 samples"),
        ("split: {val_subjects: -1}", "split.val_subjects=-1: should be 0 or more"),
        ("split: {val_subjects: [1, 1]}", "named twice"),
        ("split: {val_subjects: 0}\ntrain: {keep: best}", "choose train.keep=last"),
        ("train: {seed: 99999999999999999999}", "train.seed"),
        ("split: {val_subjects: [99999999999999999999]}", "split.val_subjects"),
        ("1: {epochs: 3}", "1"),
        ('model: {cell: "a\\nb"}', "model.cell=a b"),
        ("model: [", "not YAML"),
        ("just words", "does not hold sections"),
        ("", "does not hold sections"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path, text, message):
    with pytest.raises(HarError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model.size", "3"],
        ["--epochs", "3"],
        ["--train.epoch", "3"],
        ["extra"],
        ["--train.epochs"],
        ["--train.epochs=--"],
        ["--train", "{epochs: 3}"],
    ],
)
def test_a_wrong_command_line_is_one_line(tmp_path, arguments):
    with pytest.raises(HarError, match="command line: ") as caught:
        read(tmp_path, "{}", arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["[", "0b_", "2020-13-45", "9" * 5000, "[" * 500, "*a", "!!set {a}", "\x07", "\udc80"]
)
def test_a_value_that_is_not_yaml_is_one_line(tmp_path, value):
    with pytest.raises(HarError, match=r"^--model\.companding .*: ") as caught:
        read(tmp_path, "{}", ["--model.companding", value])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "a: 010",
        "a: 0o17",
        "a: 0x1F",
        "a: 1:30",
        "a: yes",
        "a: 1_000",
        "a: 1e-05",
        "a: .inf",
        "a: ~",
        "a: 2001-01-01",
        "%YAML 1.1\n---\na: 010",
        "a: &a {b: 3}\nc: {<<: *a, d: [*a]}",
    ],
)
def test_a_value_is_what_dvc_writes_to_its_lock(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    assert parse(text) == load_yaml(path)


def test_a_bomb_of_aliases_is_refused_at_once_with_help_too(tmp_path, capsys):
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    with pytest.raises(HarError, match="more than 16 levels or 50,000 values are not taken"):
        read(tmp_path, bomb)
    with pytest.raises(SystemExit):
        read(tmp_path, bomb, ["--help"])
    assert len(capsys.readouterr().out) < 20_000


def test_a_missing_file_says_where_to_be(tmp_path):
    with pytest.raises(HarError, match="run from the project's folder"):
        Params.read(tmp_path / "params.yaml")


def test_help_lists_every_setting_with_its_default(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        read(tmp_path, "{}", ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    everything = Params(model=Recurrent()).flat() | Params().flat()
    assert {"model.head_size", "model.filters"} <= set(everything)
    for name, default in everything.items():
        assert f"--{name} VALUE" in text
        assert f"(default: {default})" in text
    assert "length of a window, samples at 50 Hz, >= 8, <= 4096" in text
    assert "with attention: conv_recurrent | recurrent (default: conv_recurrent)" in text
    assert text.count("of recurrent only") == 1
    assert text.isascii()  # a terminal may know no other signs
    with pytest.raises(SystemExit):
        read(tmp_path, "train: {epochs: 77}", ["--help"])
    assert "(default: 77)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        read(tmp_path, "not: [yaml", ["--help"])


def test_the_shell_does_not_change_a_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAIN__EPOCHS", "7")
    monkeypatch.setenv("TRAIN", '{"epochs": 7}')
    assert read(tmp_path).train.epochs == Params().train.epochs


def test_a_setting_of_another_network_on_the_command_line_is_a_mistake(tmp_path):
    recurrent = "model: {name: recurrent, filters: 16}"  # in the file it may stand beside
    assert read(tmp_path, recurrent).model.name == "recurrent"
    with pytest.raises(HarError, match=r"^--model\.filters: no setting of model\.name=recurrent$"):
        read(tmp_path, recurrent, ["--model.filters", "8"])
    assert read(tmp_path, recurrent, ["--model.head_size", "8"]).model.head_size == 8


def test_a_section_that_is_empty_is_named(tmp_path):
    with pytest.raises(HarError, match="params.yaml: model does not hold settings"):
        read(tmp_path, "model:", ["--model.hidden_size", "8"])


def test_settings_that_do_not_fit_each_other_are_named_without_the_others(tmp_path):
    with pytest.raises(HarError) as caught:
        read(tmp_path, "model: {filters: 1, kernels: [3, 5]}")
    assert str(caught.value).startswith("model: filters=1 are fewer than the 2 kernels")
