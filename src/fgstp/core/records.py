"""Records in JSON, which are checked on reading: a file may be of another version, or edited."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fgstp.core.config import faults
from fgstp.core.errors import UserError


def read_record(path: Path, kind: type, mend: str) -> Any:  # noqa: ANN401 - as `kind` says
    """Read a JSON file that must hold what a type says; a model of pydantic ignores further keys.

    Args:
        path: the file.
        kind: type of its content, as pydantic checks it.
        mend: how to make it again, for the error.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise UserError(f"{path} cannot be read ({faults(error, 'it')}); {mend}.") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read ({reason}); {mend}.") from error
    return content
