"""How many images there are to train on, and how many of them keep their labels. Plain Python: no torch in here."""

from collections.abc import Sequence


def kept_per_class(class_sizes: Sequence[int], validation: float | str) -> list[int]:
    """Count the labelled images of each class that are left for training.

    Args:
        class_sizes: Training images of each class. Each loses the same share, rounded to whole images.
        validation: The share held out, or "test": none.

    Raises:
        ValueError: If nothing is left on one of the two sides, or of one class for training.

    Example:
        >>> kept_per_class([5000, 90], 0.1), kept_per_class([5000, 90], "test")
        ([4500, 81], [5000, 90])
    """
    if validation == "test":
        return list(class_sizes)
    kept = [size - round(float(validation) * size) for size in class_sizes]
    if sum(kept) in (0, sum(class_sizes)):
        raise ValueError(f"validation={validation}: choose a share between 0 and 1 that leaves images on both sides")
    emptied = [size for size, left in zip(class_sizes, kept, strict=True) if size > 0 == left]
    if emptied:
        raise ValueError(f"validation={validation}: leaves none to train on of a class of {emptied[0]}; choose less")
    return kept


def num_labelled(setting: int | float | str, class_sizes: Sequence[int], names: Sequence[str] | None = None) -> int:
    """Read `labels=`: "all", a number of images, or a share of them (rounded down to equal numbers per class).

    Args:
        setting: What is wanted.
        class_sizes: Training images of each class.
        names: What the classes are called, for messages.

    Raises:
        ValueError: If there are not that many images, fewer labels than classes, or no equal number per class.

    Example:
        >>> num_labelled("all", [900] * 10), num_labelled(4000, [900] * 10), num_labelled(0.08, [900] * 10)
        (9000, 4000, 720)
    """
    num_images, num_classes = sum(class_sizes), len(class_sizes)
    if setting == "all":
        return num_images
    if isinstance(setting, str):
        raise ValueError(f"labels={setting}: choose all, a number of images or a share between 0 and 1")
    if isinstance(setting, float) and 0 < setting < 1:
        number = int(setting * num_images) // num_classes * num_classes
    else:
        number = int(setting)
        if number != setting:
            raise ValueError(f"labels={setting}: choose all, a whole number of images or a share between 0 and 1")
    if number < num_classes:
        raise ValueError(f"labels={setting}: choose at least one image for each of the {num_classes} classes")
    if number > num_images:
        raise ValueError(f"labels={setting}: there are {num_images} training images; choose at most that, or all")
    if number == num_images:
        return number
    if number % num_classes:
        raise ValueError(f"labels={setting}: choose a multiple of the {num_classes} classes")
    if number // num_classes > min(class_sizes):
        raise too_small_a_class(setting, class_sizes, names)
    return number


def too_small_a_class(
    setting: int | float | str, class_sizes: Sequence[int], names: Sequence[str] | None = None
) -> ValueError:
    """Word the error for labels of which a class has too few, with the most that all classes can give."""
    fewest = min(class_sizes)
    number = list(class_sizes).index(fewest)
    name = number if names is None else names[number]
    most = len(class_sizes) * fewest
    return ValueError(f"labels={setting}: class {name} has only {fewest} images; choose {most} or less, or all")
