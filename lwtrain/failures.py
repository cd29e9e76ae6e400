"""Why a run failed, kept in its folder for whoever looks at many runs afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lwtrain.errors import MENDABLE, WriteError
from lwtrain.files import write_whole

_FILE = "failure.txt"


@contextmanager
def failure_kept(folder: Path) -> Iterator[None]:
    """Write down what breaks off the run within, and forget why an earlier start of it did.

    A run that is stopped with Ctrl-C has not failed.
    """
    (folder / _FILE).unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        if not is_interruption(error):
            text = f"{reason(error)}\n".encode(errors="backslashreplace")
            with suppress(WriteError):  # where the disk is what failed, the reason is told and not kept
                write_whole(folder / _FILE, lambda file: file.write(text))
        raise


def reason(error: Exception) -> str:
    """Say why a run failed: what a user can mend in its own words, anything else with the kind of the error."""
    return str(error) if isinstance(error, MENDABLE) else f"{type(error).__name__}: {error}"


def read_failure(folder: Path) -> str | None:
    """Give the reason why the run in a folder failed; None if it did not."""
    path = folder / _FILE
    return path.read_text(errors="replace").strip() if path.is_file() else None


def is_interruption(end: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: Lightning turns that into exit code 1, torch.save into an error of its own."""
    while end is not None and not isinstance(end, KeyboardInterrupt):
        end = end.__context__
    return end is not None
