"""How many rows of the front hold labelled and unlabelled images. Plain Python: no torch in here."""

from typing import Literal

Batches = Literal["half", "proportional", "labelled"] | float
BATCHES: tuple[str, ...] = ("half", "proportional", "labelled")


def check_batches(batches: Batches) -> None:
    """Make sure that `batches=` is one of the words, or a share.

    Raises:
        ValueError: If it is neither.
    """
    if batches not in BATCHES and not (isinstance(batches, float) and 0 < batches < 1):
        raise ValueError(f"batches={batches}: choose {', '.join(BATCHES)}, or a share between 0 and 1")


def row_counts(labelled: int, unlabelled: int, batches: Batches) -> tuple[int, int]:
    """Count the rows that one pass over the data takes.

    Args:
        labelled: How many images have a label.
        unlabelled: How many have none.
        batches: "proportional": a row for each image; "labelled": only for the labelled ones; a share: so many of the
            rows are labelled ones, to within one, where those that are too few for it are repeated and no image is
            left out; "half": the share 0.5.

    Returns:
        Labelled rows and unlabelled ones. Where all images are labelled there are no others.

    Example:
        >>> [row_counts(10, 60, batches) for batches in ("labelled", "proportional", "half", 0.25, 0.1)]
        [(10, 0), (10, 60), (60, 60), (20, 60), (10, 90)]
    """
    if batches == "labelled" or not unlabelled:
        return labelled, 0
    if batches == "proportional":
        return labelled, unlabelled
    share = 0.5 if batches == "half" else float(batches)
    to_one = (1 - share) / share  # unlabelled rows to a labelled one
    return max(labelled, round(unlabelled / to_one)), max(unlabelled, round(labelled * to_one))


def too_few_labels(labels: int | float | str, batches: Batches, part: str) -> ValueError:
    """Word the error for a part, such as a batch, that would have no labelled row."""
    few = f"labels={labels}: too few" if batches == "proportional" else f"batches={batches}: too small a share"
    return ValueError(f"{few} to put one into each {part}; choose batches=half")
