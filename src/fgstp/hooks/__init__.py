"""What happens around every Kedro run."""

from fgstp.hooks.mistakes import MistakeHooks, user_sentence
from fgstp.hooks.runs import RunHooks, StopHooks

__all__ = ["MistakeHooks", "RunHooks", "StopHooks", "user_sentence"]
