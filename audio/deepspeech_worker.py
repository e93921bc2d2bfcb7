"""The process in which TensorFlow runs the DeepSpeech graph; audio/deepspeech.py starts it and talks to it.

    python -m audio.deepspeech_worker output_graph.pb

It answers with a line of JSON, {"error": null} or {"error": "what is wrong"}, when the graph is loaded and then to each
request. A request is a line of JSON, {"steps": n}, and the network input, float32 (n, 494) as bytes; without an error
the output, float32 (n, 29) as bytes, comes after the answer's line. The process ends when its input does, or whoever
started it is gone. Neither torch nor torchvision may be imported here.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

NEEDED = ("input_node:0", "input_lengths:0", "logits:0")
INPUTS, OUTPUTS = 494, 29
ADVICE = "give the output_graph.pb of DeepSpeech v0.1.0"

Network = Callable[[np.ndarray], np.ndarray]


class GraphError(Exception):
    """Why the graph cannot be used; the message goes on from the name of the file."""


def load_network(path: str) -> Network:
    """The frozen graph as a function (n, 494) -> (n, 29). Raises GraphError."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise GraphError(f"needs TensorFlow, which cannot be imported ({error}); pip install tensorflow") from error

    definition = tf.compat.v1.GraphDef()
    graph = tf.Graph()
    try:
        with open(path, "rb") as file:
            definition.ParseFromString(file.read())
        with graph.as_default():
            tf.import_graph_def(definition, name="")
    except Exception as error:  # protobuf's DecodeError, and whatever an operation of another version raises
        raise GraphError(f"is not a frozen TensorFlow graph that can be read; {ADVICE}") from error
    node, lengths, logits = find_tensors(graph)
    session = tf.compat.v1.Session(graph=graph)

    def run(vectors: np.ndarray) -> np.ndarray:
        output = session.run(logits, {node: vectors[None], lengths: [len(vectors)]})  # (n, 1, 29)
        if output.shape != (len(vectors), 1, OUTPUTS):
            expected = (len(vectors), 1, OUTPUTS)
            raise GraphError(f"gives logits of shape {output.shape}, expected {expected}; {ADVICE}")
        return output[:, 0].astype(np.float32)

    return run


def find_tensors(graph: Any) -> list[Any]:
    """The tensors NEEDED of a tf.Graph. Raises GraphError where one is missing or the input is not (1, steps, 494)."""
    tensors = []
    for name in NEEDED:
        try:
            tensors.append(graph.get_tensor_by_name(name))
        except KeyError:
            raise GraphError(f"has no tensor {name}; {ADVICE}") from None
    if not tensors[0].shape.is_compatible_with([1, None, INPUTS]):
        raise GraphError(f"takes input of shape {tensors[0].shape}, expected (1, steps, {INPUTS}); {ADVICE}")
    return tensors


def serve(model_path: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Load the graph, then handle requests until there are no more. Without a graph there is nothing to handle."""

    def answer(complaint: str | None, values: bytes = b"") -> None:
        answers.write(json.dumps({"error": complaint}).encode() + b"\n" + values)
        answers.flush()

    try:
        network = load_network(model_path)
    except GraphError as error:
        return answer(str(error))
    answer(None)
    for line in requests:
        steps = json.loads(line)["steps"]
        vectors = np.frombuffer(requests.read(steps * INPUTS * np.float32().nbytes), np.float32).reshape(steps, INPUTS)
        try:
            answer(None, network(vectors).tobytes())
        except GraphError as error:
            answer(str(error))
        except Exception as error:  # TensorFlow's own errors, on one line
            answer(f"could not be run: {' '.join(str(error).split())[:300]}; {ADVICE}")


def end_with(parent: int) -> None:
    """End this process, whatever it computes, when `parent` no longer runs: a killed program cannot end it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print must not mix with the answers
    serve(sys.argv[1], sys.stdin.buffer, answers)
