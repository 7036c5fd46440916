"""Where else events go: other machines, other programs, pieces of video."""

from fgstp.detection.sinks.clips import event_clips
from fgstp.detection.sinks.command import command
from fgstp.detection.sinks.mqtt import mqtt
from fgstp.detection.sinks.prometheus import MetricsServer
from fgstp.detection.sinks.webhook import webhook

__all__ = ["MetricsServer", "command", "event_clips", "mqtt", "webhook"]
