"""Errors of other packages that a mistake of the user causes, as one sentence each."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click
import yaml
from omegaconf.errors import OmegaConfBaseException

from fgstp.core.errors import UserError
from fgstp.core.files import FREE_SPACE

LONGEST = 300  # characters of a message
MEND = "correct conf/ or the options of the command"
FRAMEWORK = ("kedro", "omegaconf.", "antlr4.")  # plug-ins of Kedro too
# What a machine refuses; other errors of the operating system are faults of the program.
MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM),
    *(errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE, errno.ELOOP, errno.ENOTDIR, errno.EFBIG),
}


class CommandError(click.ClickException, UserError):
    """A mistake of the user, which Kedro's command line prints as `Error: ...`; status 1."""


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Turn what a mistake of the user raises in the block into a `CommandError`."""
    try:
        yield
    except (CommandError, click.exceptions.NoArgsIsHelpError):
        raise
    except click.UsageError as error:
        raise CommandError(error.format_message()) from error
    except Exception as error:
        if (sentence := user_sentence(error)) is None:
            raise
        raise CommandError(sentence) from error


def user_sentence(error: BaseException) -> str | None:
    """Sentence of an error that a mistake of the user caused; None if it is a fault of ours.

    Args:
        error: an exception; Kedro wraps those that data sets raise.
    """
    chain = [error]
    while (cause := _cause(chain[-1])) is not None and cause not in chain:
        chain.append(cause)
    found = [str(each) for each in chain if isinstance(each, UserError)]
    found += [sentence for each in chain if (sentence := _foreign(each))]
    if not found and _of_framework(error):
        if isinstance(chain[-1], ModuleNotFoundError):
            return f"The package {chain[-1].name} is missing; `pip install {chain[-1].name}`."
        texts = [one_line(each) for each in chain]
        # Kedro repeats in an error what that of its cause says.
        reasons = [text for n, text in enumerate(texts) if n == 0 or text[:60] not in texts[n - 1]]
        found = [f"{' ('.join(reasons)}{')' * (len(reasons) - 1)}; {MEND}."]
    return found[0] if found else None


def _cause(error: BaseException) -> BaseException | None:
    # Kedro names no cause where a pipeline cannot be imported.
    return error.__cause__ or (error.__context__ if isinstance(error, ImportError) else None)


def _foreign(error: BaseException) -> str | None:
    """Sentence of an error whose type alone tells that the program is not to blame."""
    sentence = None
    match error:
        case yaml.YAMLError():
            sentence = f"Invalid YAML: {one_line(error)}; {MEND}."
        case OmegaConfBaseException():
            reason = str(error).partition("\n")[0].rstrip(".")
            sentence = f"The settings cannot be read: {reason}; {MEND}."
        case MemoryError():
            sentence = "The memory is full; lower parallel.jobs or batch_frames."
        case OSError() if error.errno in MACHINE:
            place = f"use {error.filename}" if error.filename else "go on"
            sentence = f"Cannot {place}: {error.strerror}; {FREE_SPACE}."
    return sentence


def _of_framework(error: BaseException) -> bool:
    """Whether Kedro or OmegaConf refuses the configuration or the run, before any node."""
    frames = traceback.walk_tb(error.__traceback__)
    modules = [frame.f_globals.get("__name__", "") for frame, _ in frames]
    if not modules or not modules[-1].startswith(FRAMEWORK):
        return False
    if isinstance(error, ImportError):  # of our own code, unless a package is missing
        return isinstance(_cause(error), ModuleNotFoundError | None)
    # Later, Kedro passes on what nodes and datasets raise.
    return "kedro.runner.task" not in modules


def one_line(error: BaseException) -> str:
    """The message of an error in one line, without a full stop."""
    text = " ".join(str(error).split()).replace(' in "<unicode string>",', "")
    text = text or type(error).__name__
    if len(text) > LONGEST:
        text = text[:LONGEST].rpartition(". ")[0] or text[:LONGEST]
    return text.rstrip(". ")
