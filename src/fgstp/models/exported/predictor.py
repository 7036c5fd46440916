"""A model that was exported, ready to predict."""

import math
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.models.exported.facts import ExportFacts, damaged, read_facts
from fgstp.models.exported.graphs import Graph, open_graph
from fgstp.models.exported.sessions import FlowStepSession, StepSession, WindowStepSession
from fgstp.models.predictor import VideoPredictor
from fgstp.models.session import PromptKind, Session

SESSIONS: dict[str, type[Session]] = {  # by what the network is shown
    "grey": StepSession,
    "residuals": StepSession,
    "statistics": StepSession,
    "window": WindowStepSession,
    "flow": FlowStepSession,
}


class ExportedPredictor(VideoPredictor):
    """A model that was exported. Its sessions predict a frame, or a window, at a time.

    Args:
        facts: what is known of it.
        graph: its network.
    """

    def __init__(self, facts: ExportFacts, graph: Graph) -> None:
        self.facts = facts
        self.graph = graph
        self.settings = facts.settings
        self.session_class = SESSIONS[facts.shown]
        self.frame_threshold = facts.frame_threshold

    @property
    def name(self) -> str:
        """Name of the model that was exported."""
        return self.facts.model

    @property
    def fingerprint(self) -> str | None:
        """That of the model that was exported."""
        return self.facts.fingerprint

    @property
    def label(self) -> str:
        """As it was when it was exported."""
        return self.facts.label

    @property
    def prompt_kind(self) -> PromptKind:
        """Models with a prompt are not exported."""
        return "none"

    @property
    def offsets_frames(self) -> tuple[int, ...]:
        """As they were when it was exported."""
        return self.facts.offsets_frames

    def context_s(self, fps_hz: float) -> float:
        """As it was when it was exported."""
        frames = self.facts.context_frames
        return math.inf if frames is None else frames / fps_hz

    @property
    def delay_frames(self) -> int:
        """As it was when it was exported."""
        return self.facts.delay_frames


def load_exported(
    path: Path, *, model: str | None = None, threads: int | None = None
) -> ExportedPredictor:
    """Load a file that `fgstp export` wrote.

    Args:
        path: a `.onnx`, run by ONNX Runtime, or the `.xml` of OpenVINO.
        model: required name of the model; None accepts any.
        threads: number of threads of the network; None: as many as there are cores.

    Raises:
        UserError: the file does not exist, was not exported by this project or by a newer version
            of it, is damaged, or is of another model.
    """
    graph = open_graph(path, threads)
    facts = read_facts(graph.text, path)
    if model is not None and facts.model != model:
        raise UserError(
            f"{path} was exported from {facts.model}, not from {model}; choose that model, or "
            "another file."
        )
    shown, *_ = graph.shapes
    if len(shown) < 4 or not all(isinstance(side, int) for side in shown):
        raise damaged(path)
    return ExportedPredictor(facts, graph)
