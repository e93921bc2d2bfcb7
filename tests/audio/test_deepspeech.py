"""The input of the DeepSpeech network against published numbers, and a real frozen graph in its own process."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from audio.deepspeech import network_input
from audio.features import frame_features, get_audio_feature
from config.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "deepspeech_input.npz"
BUILD_GRAPHS = """
import json
import sys
import numpy as np
import tensorflow as tf
from audio.deepspeech_worker import GraphError, load_network

folder = sys.argv[1]
weights = np.load(folder + "/weights.npz")


def save(file, input_name, width, endless=False):
    graph = tf.Graph()
    with graph.as_default():
        vectors = tf.compat.v1.placeholder(tf.float32, (1, None, width), name=input_name)
        lengths = tf.compat.v1.placeholder(tf.int32, (1,), name="input_lengths")
        steps = tf.tanh(tf.tensordot(vectors, weights["w"][:width], 1) + weights["b"])  # (1, n, 29)
        total = tf.reduce_sum(steps, axis=1, keepdims=True) / tf.cast(lengths[0], tf.float32)
        if endless:
            total += tf.while_loop(lambda i: i >= 0, lambda i: [tf.abs(i) / 2], [total[0, 0, 0] ** 2])[0]
        tf.transpose(steps + total, (1, 0, 2), name="logits")
    with open(folder + "/" + file, "wb") as out:
        out.write(graph.as_graph_def().SerializeToString())


save("output graph.pb", "input_node", 494)
save("endless.pb", "input_node", 494, endless=True)
save("other names.pb", "inputs", 494)
save("other width.pb", "input_node", 26)
complaints = {}
for file in ("other names.pb", "other width.pb"):
    try:
        load_network(folder + "/" + file)
    except GraphError as error:
        complaints[file] = str(error)
json.dump(complaints, open(folder + "/complaints.json", "w"))
"""


@pytest.fixture(scope="session")
def graphs(tmp_path_factory) -> Path:
    """A folder with a small frozen graph with the real tensor names, its weights, and what is said of wrong graphs."""
    folder = tmp_path_factory.mktemp("语音 graphs")
    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal((494, 29)) / 20, "b": rng.standard_normal(29)}
    np.savez(folder / "weights.npz", **{name: value.astype(np.float32) for name, value in weights.items()})
    subprocess.run([sys.executable, "-c", BUILD_GRAPHS, str(folder)], check=True, capture_output=True, cwd=ROOT)
    return folder


@pytest.fixture(scope="session")
def feature(graphs):
    return get_audio_feature("deepspeech", str(graphs / "output graph.pb"))


def test_network_input_equals_the_published_one():
    fixture = np.load(FIXTURE)
    vectors = network_input(fixture["wav"])
    assert vectors.shape == (68, 494) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, fixture["vectors"], atol=1e-4)


def test_silence_after_the_speech_does_not_change_the_input_inside_it():
    wave = np.load(FIXTURE)["wav"]
    longer = network_input(np.pad(wave, (0, 16000 * 5)))
    inside = slice(0, 68 - 10)  # later rows see the silence in their context
    assert np.abs(longer[inside] - network_input(wave)[inside]).max() < 0.02


@pytest.mark.parametrize("samples", [0, 1, 399, 401, 641])
def test_network_input_of_very_short_or_silent_sound_is_finite(samples):
    for wave in (np.zeros(samples, np.int16), np.pad(np.ones(1, np.int16), (samples, 0))):
        assert np.isfinite(network_input(wave)).all()


def test_graph_runs_as_published(feature, graphs, speech):
    pcm = np.round(speech * 32768).astype(np.int16)
    weights = np.load(graphs / "weights.npz")
    steps = np.tanh(network_input(pcm) @ weights["w"] + weights["b"])
    expected = steps + steps.sum(axis=0) / len(steps)

    dense = feature.compute(speech)

    assert dense.shape == (len(expected), 29) and dense.dtype == np.float32
    np.testing.assert_allclose(dense, expected, atol=1e-4)


def test_frame_rows_are_every_second_output(feature, speech):
    np.testing.assert_array_equal(frame_features(feature, speech, 100), feature.compute(speech)[::2][:100])


@pytest.mark.parametrize("frames", [60, 100, 140])
def test_features_count_equals_frames(feature, speech, frames):
    assert frame_features(feature, speech, frames).shape == (frames, 29)


def test_graph_process_ends_with_its_feature(graphs):
    feature = get_audio_feature("deepspeech", str(graphs / "output graph.pb"))
    process = feature.graph.process
    assert process.poll() is None
    del feature
    assert process.poll() is not None


def test_a_graph_process_that_died_is_named(graphs, speech):
    feature = get_audio_feature("deepspeech", str(graphs / "output graph.pb"))
    feature.graph.process.kill()
    with pytest.raises(InputError, match=r"output graph\.pb could not be run.*status -9"):
        feature.compute(speech)


def test_graph_process_ends_when_its_program_is_killed_while_it_computes(graphs):
    code = (
        "import sys, numpy as np; from audio.deepspeech import DeepSpeechFeature;"
        "feature = DeepSpeechFeature(sys.argv[1]); print(feature.graph.process.pid, flush=True);"
        "feature.compute(np.ones(16000, np.float32))"
    )
    command = [sys.executable, "-c", code, graphs / "endless.pb"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        worker = int(program.stdout.readline())
        time.sleep(1)  # it computes by then
        assert is_running(worker) and program.poll() is None
        program.kill()
    deadline = time.monotonic() + 20
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(worker)


def is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_no_temporary_file_holds_the_sound(feature, speech, monkeypatch):
    """A full temporary folder cannot stop it."""
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    assert np.isfinite(feature.compute(speech)).all()


def test_other_graphs_are_refused(graphs):
    complaints = json.loads((graphs / "complaints.json").read_text())
    assert complaints["other names.pb"].startswith("has no tensor input_node:0; give")
    assert "takes input of shape (1, None, 26), expected (1, steps, 494)" in complaints["other width.pb"]


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    path = tmp_path / "model.pb"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match=r"--deepspeech_model_path: .*model\.pb is not a frozen") as caught:
        get_audio_feature("deepspeech", str(path))
    assert "\n" not in str(caught.value)


def test_missing_tensorflow_is_named(graphs, tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('No module named tensorflow')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError, match="needs TensorFlow.*pip install tensorflow"):
        get_audio_feature("deepspeech", str(graphs / "output graph.pb"))


@pytest.mark.parametrize("path", [None, "", "no such file.pb", "."])
def test_missing_model_is_refused_before_anything_starts(path):
    with pytest.raises(InputError, match="--deepspeech_model_path"):
        get_audio_feature("deepspeech", path)
