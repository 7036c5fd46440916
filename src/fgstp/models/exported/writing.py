"""Writing models as files that run without torch."""

import math
import platform
import shutil
import warnings
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from fgstp import __version__
from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path
from fgstp.models.base import AnyPredictor
from fgstp.models.blocks.steps import Step
from fgstp.models.exported.facts import KEY, ExportFacts
from fgstp.models.exported.graphs import ONNX, SUFFIXES
from fgstp.models.exported.predictor import load_exported
from fgstp.models.predictor import VideoPredictor
from fgstp.plumes import SyntheticVideo

OPSET = 20
CHECKED_FRAMES = 12
TOLERANCE = 1e-4  # of a probability


def export_model(model: AnyPredictor, path: Path) -> float:
    """Write a model as a file that runs without torch, if it predicts the same.

    The file holds the network's part of a step of a session, with the state as inputs and outputs,
    in float32 and of fixed shapes. What is around it is computed by NumPy and OpenCV, and its
    `ExportFacts` stand in the metadata.

    Args:
        model: the model, on the CPU.
        path: `.onnx` for ONNX Runtime; `.xml` for OpenVINO, which writes a `.bin` beside it.

    Returns:
        The largest difference of a probability from that of torch on some synthetic frames.

    Raises:
        UserError: the model has a prompt or nothing that can be exported, its file would predict
            something else, it cannot be written, or OpenVINO is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path} must end in {' or '.join(sorted(SUFFIXES))}; rename it.")
    if model.prompt_kind != "none":
        raise UserError(
            f"{model.name} is given a mask of the gas and cannot be exported; choose a model "
            "without a prompt, such as wisp."
        )
    with TemporaryDirectory() as folder:
        written = Path(folder) / path.name
        _write(model, written)
        difference = largest_difference(model, load_exported(written))
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path} is not written: its probabilities would differ by {difference:.2g} from "
                f"those of torch, above {TOLERANCE}; report this, or stay with the checkpoint."
            )
        for file in sorted(Path(folder).iterdir()):  # weights before the file that needs them
            with atomic_path(path.with_name(file.name)) as temporary:
                shutil.copyfile(file, temporary)
    return difference


def largest_difference(model: VideoPredictor, other: VideoPredictor) -> float:
    """Largest difference between the maps of two models on a synthetic video."""
    video = SyntheticVideo("close_clear", 0, n_frames=CHECKED_FRAMES, height_px=120, width_px=160)
    frames = np.stack([frame.grey for frame in video])
    return float(np.abs(model.predict(frames) - other.predict(frames)).max())


def _write(model: AnyPredictor, path: Path) -> None:
    with model.evaluating():
        step = model.step()
    facts = _facts(model, step).model_dump_json()
    graph = _onnx_graph(step)
    graph.metadata_props.add(key=KEY, value=facts)
    content = graph.SerializeToString()
    if path.suffix == ONNX:
        path.write_bytes(content)
    else:
        _write_openvino(content, facts, path)


def _facts(model: AnyPredictor, step: Step) -> ExportFacts:
    context_frames = model.context_s(fps_hz=1.0)
    return ExportFacts(
        model=model.name,
        label=model.label,
        settings=model.settings.model_dump(mode="json"),
        frame_threshold=model.frame_threshold,
        fingerprint=model.fingerprint,
        shown=step.shown,
        offsets_frames=model.offsets_frames,
        context_frames=None if math.isinf(context_frames) else context_frames,
        delay_frames=model.delay_frames,
        versions={
            "python": platform.python_version(),
            "fgstp": __version__,
            **{name: version(name) for name in ("torch", "onnx", "onnxscript")},
        },
    )


def _onnx_graph(step: Step) -> Any:  # noqa: ANN401 - onnx has no types
    """The graph of a step, in ONNX."""
    generator = torch.Generator().manual_seed(0)
    # All inputs differ: two that are the same tensor would become one input of the graph.
    examples = [torch.rand(each, generator=generator) for each in (step.shape, *step.state)]
    state = range(len(step.state))
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):  # of the exporter's own code
        program = torch.onnx.export(
            step.network.eval(),
            tuple(examples),
            input_names=["shown", *(f"state_{number}" for number in state)],
            output_names=["map", *(f"next_state_{number}" for number in state)],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx has made no program")
    return program.model_proto


def _write_openvino(content: bytes, facts: str, path: Path) -> None:
    try:
        import openvino  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UserError(
            'OpenVINO is not installed; `pip install "fgstp[openvino]"`, or choose onnx.'
        ) from error
    converted = openvino.Core().read_model(content)
    converted.set_rt_info(facts, [KEY])
    openvino.serialize(converted, path, path.with_suffix(".bin"))
