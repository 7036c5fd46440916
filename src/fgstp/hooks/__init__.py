"""What happens around every Kedro run."""

from fgstp.hooks.footage import FootageHooks
from fgstp.hooks.locks import LockHooks
from fgstp.hooks.mistakes import MistakeHooks
from fgstp.hooks.runs import RunHooks, StopHooks
from fgstp.hooks.sentences import user_sentence

__all__ = ["FootageHooks", "LockHooks", "MistakeHooks", "RunHooks", "StopHooks", "user_sentence"]
