"""Classical background subtraction as a model: nothing to train."""

from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from fgstp.core.config import OddPixels, Settings
from fgstp.core.errors import UserError
from fgstp.models.base import Given, Model


class BackgroundSettings(Settings):
    """Settings of background subtraction.

    Attributes:
        method: `mog2`, a mixture of Gaussians at every pixel (Zivkovic 2004), which takes the
            frames in their order and gives gas or none; or `percentile`, which takes a
            percentile of every pixel over the clip for its background and gives a soft map.
        history_frames: frames after which `mog2` has forgotten.
        variance_threshold: squared distance from the background, in variances, from which
            `mog2` calls a pixel gas.
        percentile: percentile over the clip that is taken for the background.
        half_levels: grey levels of difference, of either sign, at which `percentile` gives 0.5.
        opening_px: diameter of the opening that removes specks, odd; 1 leaves them.
        closing_px: diameter of the closing that then joins what lies near, odd; 1 joins
            nothing.
    """

    method: Literal["mog2", "percentile"] = "mog2"
    history_frames: int = Field(500, ge=1)
    variance_threshold: float = Field(16.0, gt=0)
    percentile: float = Field(50.0, ge=0, le=100)
    half_levels: float = Field(6.0, gt=0)
    opening_px: OddPixels = 3
    closing_px: OddPixels = 1


class BackgroundModel(Model[BackgroundSettings]):
    """Background subtraction by OpenCV's MOG2 or by a percentile over time."""

    settings_class: ClassVar[type[Settings]] = BackgroundSettings
    trainable: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """`background`."""
        return "background"

    @property
    def label(self) -> str:
        """`MOG2` or `percentile`."""
        return {"mog2": "MOG2", "percentile": "percentile"}[self.settings.method]

    def _build(self) -> None:
        self.network = nn.Identity()  # there is none

    def training_step(
        self,
        batch: Any,  # noqa: ANN401
        progress: float,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """There is no training.

        Raises:
            UserError: always.
        """
        raise UserError(f"The model {self.name} is not trained; evaluate it as it is.")

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        if self.settings.method == "mog2":
            return self._mixture(frames)
        return self._difference(frames)

    def _mixture(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """1 where a frame does not fit the mixture that the frames before it left, else 0."""
        model = cv2.createBackgroundSubtractorMOG2(
            history=self.settings.history_frames,
            varThreshold=self.settings.variance_threshold,
            detectShadows=False,
        )
        # OpenCV's own rate would learn a clip's first frames, and gas in them, far faster.
        rate = 1 / self.settings.history_frames
        model.apply(frames[0], learningRate=rate)  # the first call takes all for foreground
        found = [self._tidied(model.apply(frame, learningRate=rate)) for frame in frames]
        return np.stack(found).astype(np.float32) / 255.0

    def _difference(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Difference d from the background as d / (d + half): 0.5 at `half_levels`."""
        background = np.percentile(frames, self.settings.percentile, axis=0).astype(np.float32)
        maps = np.empty(frames.shape, np.float32)
        for frame, soft in zip(frames, maps, strict=True):
            difference = frame - background
            # Most of a frame is no gas: what all of it shares is a step of the camera.
            distance = self._tidied(np.abs(difference - np.median(difference)))
            soft[:] = distance / (distance + self.settings.half_levels)
        return maps

    def _tidied(self, picture: NDArray[Any]) -> NDArray[Any]:
        sides = {
            cv2.MORPH_OPEN: self.settings.opening_px,
            cv2.MORPH_CLOSE: self.settings.closing_px,
        }
        for operation, side in sides.items():
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
            picture = np.asarray(cv2.morphologyEx(picture, operation, disc))
        return picture
