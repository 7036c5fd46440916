"""Scoring: metrics, protocols, and summaries with intervals."""

from fgstp.scoring.clip_scores import score_clip
from fgstp.scoring.ground_truth import GroundTruth
from fgstp.scoring.metrics import Metric, list_metrics, metric
from fgstp.scoring.metrics.detection import auroc, average_precision
from fgstp.scoring.protocols import OPERATIONAL, PAPER, PROTOCOLS, ScoringProtocol, get_protocol
from fgstp.scoring.summary import summarise
from fgstp.scoring.thresholds import ThresholdSearch, choose_threshold

__all__ = [
    "OPERATIONAL",
    "PAPER",
    "PROTOCOLS",
    "GroundTruth",
    "Metric",
    "ScoringProtocol",
    "ThresholdSearch",
    "auroc",
    "average_precision",
    "choose_threshold",
    "get_protocol",
    "list_metrics",
    "metric",
    "score_clip",
    "summarise",
]
