"""What happens around every Kedro run, one concern a file."""

from fgstp.hooks.mistakes import MistakeHooks, user_sentence
from fgstp.hooks.refusals import RefusalHooks
from fgstp.hooks.runs import RunHooks
from fgstp.hooks.stops import StopHooks

__all__ = ["MistakeHooks", "RefusalHooks", "RunHooks", "StopHooks", "user_sentence"]
