"""Protocols in words."""

from fgstp.scoring.protocols import Protocol

NORM = {
    "minmax": "Each frame's map is first stretched to the whole range from 0 to 1, so that "
    "something is predicted on every frame that is not constant.",
    "none": "Probabilities are taken as they are; a frame may have no prediction at all.",
}
INPUT = {
    "soft": "Probability maps are scored.",
    "binary": "Maps are cut at the threshold and the binary maps are scored.",
}
EMPTY = {
    "score": "Frames without gas count, with IoU, Dice and weighted F of 0 whatever is predicted.",
    "credit": "On frames without gas, IoU and Dice are 1 if nothing is predicted and else 0; "
    "weighted F is undefined there and left out.",
    "skip": "Frames without gas are left out.",
}
AVERAGE = {
    "video": "Scores are averaged over the frames of each video, and then over the videos.",
    "frame": "Scores are averaged over all frames alike.",
}


def in_words(protocol: Protocol, *, own_thresholds: bool = False) -> str:
    """What a protocol does, in sentences.

    Args:
        protocol: which one.
        own_thresholds: whether each model has its own threshold, chosen on validation
            clips, so that the protocol's is one of several.
    """
    given = ["the first with gas, because some models are given its mask"]
    last = [f"the last {protocol.drop_last}"]
    left_out = given * protocol.drop_given + last * bool(protocol.drop_last)
    sentences = [
        NORM[protocol.norm],
        INPUT[protocol.input],
        EMPTY[protocol.empty],
        AVERAGE[protocol.average],
        _threshold(protocol, own_thresholds=own_thresholds),
        f"A frame without gas is a false alarm from {protocol.alarm_pixels} predicted "
        f"pixel{'' if protocol.alarm_pixels == 1 else 's'}.",
        f"A frame's score for AP and AUROC is the mean of the highest "
        f"{100 * protocol.score_fraction:g} % of its probabilities, never stretched.",
        f"Frames left out of each clip: {'; '.join(left_out)}." if left_out else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _threshold(protocol: Protocol, *, own_thresholds: bool) -> str:
    if own_thresholds or protocol.threshold is None:
        return "Each model has its own threshold, chosen on validation clips."
    return f"The threshold is level {protocol.threshold} of 255."
