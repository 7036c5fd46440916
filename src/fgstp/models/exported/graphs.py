"""Exported graphs, run by ONNX Runtime or by OpenVINO on the processor."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.models.exported.facts import KEY, damaged

Values = NDArray[np.float32]
ONNX, OPENVINO = ".onnx", ".xml"
SUFFIXES = frozenset({ONNX, OPENVINO})


class Graph(Protocol):
    """A network of fixed shapes.

    Attributes:
        text: the facts in the metadata of its file, as JSON; None if there are none.
        shapes: shapes of its inputs: what it is shown, then the state.
    """

    text: str | None
    shapes: list[tuple[int, ...]]

    def run(self, *inputs: Values) -> list[Values]:
        """Compute the map and the next state; each is an array of its own."""


class OnnxGraph:
    """A graph that ONNX Runtime runs; see `Graph`.

    Args:
        path: a file of ONNX.
        threads: number of threads; None: as many as there are cores.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        import onnxruntime  # noqa: PLC0415 - it takes long to import

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # Threads that wait by spinning take the processors from those that read and draw.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self.text = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        inputs = self._session.get_inputs()
        self._names = [each.name for each in inputs]
        self.shapes = [tuple(each.shape) for each in inputs]

    def run(self, *inputs: Values) -> list[Values]:
        """See `Graph`."""
        found: list[Values] = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return found


class OpenVinoGraph:
    """A graph that OpenVINO runs; see `Graph`.

    Args:
        path: the `.xml` of a model, beside which its `.bin` lies.
        threads: number of threads; None: as many as there are cores.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        import openvino  # noqa: PLC0415 - an extra

        core = openvino.Core()
        model = core.read_model(path)
        self.text = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
        self.shapes = [tuple(each.shape) for each in model.inputs]
        # Some processors would compute in half the precision without being asked.
        wishes: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            wishes["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(model, "CPU", wishes)

    def run(self, *inputs: Values) -> list[Values]:
        """See `Graph`."""
        return list(self._compiled(list(inputs)).values())


def open_graph(path: Path, threads: int | None) -> Graph:
    """Open an exported file by the runtime of its suffix.

    Raises:
        UserError: there is no such file, it cannot be read, or OpenVINO is not installed.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    runtime = OnnxGraph if path.suffix == ONNX else OpenVinoGraph
    try:
        return runtime(path, threads)
    except ModuleNotFoundError as error:
        raise UserError(
            f'{path} needs the package {error.name}; `pip install "fgstp[openvino]"`.'
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # runtimes raise anything on other files
        raise damaged(path) from error
