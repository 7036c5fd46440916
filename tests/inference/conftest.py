import math

import numpy as np
import pytest

from fgstp.core.config import Settings
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.base import Predictor
from fgstp.models.session import Session


class TenthsSession(Session):
    """Notes what it is given; predictions wait as long as the model says."""

    def _begin(self):
        self.model.sessions.append(self)
        self.frames, self.times_s, self.waiting = [], [], []

    def _push(self, frame):
        self.model.n_pushed += 1
        if self.model.n_pushed == self.model.fails_at:
            raise KeyboardInterrupt
        self.frames.append(frame.copy())
        self.times_s.append(self._times_s[-1])
        self.waiting.append((frame / np.float32(2550)).astype(np.float32))
        return [self.waiting.pop(0)] if len(self.waiting) > self.model.delay_frames else []

    def _flush(self):
        while self.waiting:
            yield self.waiting.pop(0)

    def _score(self, probabilities):
        return float(probabilities.max()) + 1e-6


class Tenths(Predictor):
    """A model whose probability of a pixel is a tenth of a level of its grey."""

    settings_class = Settings
    session_class = TenthsSession
    name = "tenths"
    prompt_kind = "none"
    delay_frames = 0

    def __init__(self, *, fails_at=None, prompt="none", context_s=math.inf, delay_frames=0):
        super().__init__(Settings())
        self.sessions, self.n_pushed, self.fails_at = [], 0, fails_at
        self.prompt_kind, self.delay_frames, self._context_s = prompt, delay_frames, context_s

    def _build(self):
        pass

    def context_s(self, fps_hz):
        return self._context_s


@pytest.fixture
def tenths():
    return Tenths


@pytest.fixture
def predictions(tmp_path):
    return PredictionStore(tmp_path / "Mes prédictions [1]" / "tenths")
