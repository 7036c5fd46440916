"""How states of the picture are told to people."""

from fgstp.detection.states import State

TOLD: dict[State, str] = {
    "watching": "watching",
    "warming_up": "warming up",
    "rate_too_low": "the frame rate too low",
    "camera_moving": "the camera moving",
    "scene_changed": "another scene",
    "too_dark": "too dark",
    "saturated": "saturated",
    "frozen": "frozen",
    "no_signal": "without a signal",
}
