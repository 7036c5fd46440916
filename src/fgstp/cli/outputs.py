"""What takes the results of `fgstp detect`, as its options say."""

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fgstp.detection.report import Output


def outputs_of(suffix: str | None, *, save_masks: bool, show: bool) -> "list[Output]":
    """What takes results, beside the files that are always written.

    Raises:
        UserError: the encoder of the video is missing.
    """
    # OpenCV takes a moment to import, and the other commands do not need it.
    from fgstp.detection.mask_pictures import mask_pictures  # noqa: PLC0415
    from fgstp.detection.overlay import overlay_video  # noqa: PLC0415
    from fgstp.detection.window import window  # noqa: PLC0415
    from fgstp.footage.encoding import check_encoder  # noqa: PLC0415

    outputs: list[Output] = []
    if suffix:
        check_encoder(suffix)
        outputs.append(partial(overlay_video, suffix=suffix))
    if save_masks:
        outputs.append(mask_pictures)
    if show:
        outputs.append(window)
    return outputs


def sinks_of(
    stack: ExitStack,
    *,
    webhook: str | None,
    mqtt: str | None,
    metrics_port: int | None,
    on_event: str | None,
    clips: bool,
) -> "list[Output]":
    """Where else events go; `stack` closes what all sources share.

    Raises:
        UserError: an address cannot be reached, or the encoder of clips is missing.
    """
    # As above.
    from fgstp.detection import sinks  # noqa: PLC0415
    from fgstp.footage.encoding import check_encoder  # noqa: PLC0415

    outputs: list[Output] = []
    if webhook:
        outputs.append(sinks.webhook(webhook))
    if mqtt:
        outputs.append(sinks.mqtt(mqtt))
    if metrics_port is not None:
        outputs.append(stack.enter_context(sinks.MetricsServer(metrics_port)))
    if on_event:
        outputs.append(sinks.command(on_event))
    if clips:
        check_encoder("webm")
        outputs.append(sinks.event_clips)
    return outputs
