"""Scoring: six segmentation metrics, protocols, and summaries with intervals."""

from fgstp.scoring.ground_truth import GroundTruth
from fgstp.scoring.protocols import OPERATIONAL, PAPER, PROTOCOLS, Protocol, get_protocol
from fgstp.scoring.ranking import auroc, average_precision
from fgstp.scoring.score_clip import METRICS, score_clip
from fgstp.scoring.summary import summarise
from fgstp.scoring.thresholds import ThresholdSearch, choose_threshold

__all__ = [
    "METRICS",
    "OPERATIONAL",
    "PAPER",
    "PROTOCOLS",
    "GroundTruth",
    "Protocol",
    "ThresholdSearch",
    "auroc",
    "average_precision",
    "choose_threshold",
    "get_protocol",
    "score_clip",
    "summarise",
]
