"""GasVid's leak schedule: which leak class is on at which second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError

CLASS_DURATION_S = 180.0
N_CLASSES = 8
BEFORE_RELEASE = -1
AFTER_RELEASE = N_CLASSES


@dataclass(frozen=True)
class LeakSchedule:
    """Eight leak classes of three minutes each (GasNet, Wang et al. 2020).

    Class 0 lasts from its own start to that of class 1, which is not always three
    minutes: MOV_2568 and MOV_2582 differ. The rates are in `fgstp.plumes`.

    Attributes:
        class_0_start_s: second of the video at which class 0 begins.
        class_1_start_s: second at which class 1 begins.
    """

    class_0_start_s: float
    class_1_start_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.class_0_start_s < self.class_1_start_s:
            raise UserError(
                f"A leak schedule needs 0 <= leak0_start_s < leak1_start_s, but has "
                f"{self.class_0_start_s:g} and {self.class_1_start_s:g}; correct the table."
            )

    def classes(self, first_frame: int, n_frames: int, fps_hz: float) -> NDArray[np.int8]:
        """Leak class of each frame of a stretch of video.

        Args:
            first_frame: number of the first frame, from 0.
            n_frames: length of the stretch.
            fps_hz: true frame rate.

        Returns:
            (n_frames,) int8: 0 to 7, -1 before the release, 8 after it.
        """
        second = (first_frame + np.arange(n_frames)) / fps_hz
        since_class_1 = np.floor((second - self.class_1_start_s) / CLASS_DURATION_S) + 1
        leak_class = np.clip(since_class_1, 0, AFTER_RELEASE)
        leak_class[second < self.class_0_start_s] = BEFORE_RELEASE
        return leak_class.astype(np.int8)
