"""How many images there are to train on, and how many of them keep their labels. Plain Python: no torch in here."""


def num_kept(num_images: int, num_classes: int, validation: float | str) -> int:
    """Count the images left for training, where classes are of one size.

    Args:
        num_images: Training images in all.
        num_classes: Each loses the same share, rounded to whole images.
        validation: The share held out, or "test": none.

    Raises:
        ValueError: If nothing is left on one of the two sides.

    Example:
        >>> num_kept(50_000, 10, 0.1), num_kept(50_000, 10, "test")
        (45000, 50000)
    """
    if validation == "test":
        return num_images
    held_out = num_classes * round(float(validation) * num_images / num_classes)
    if held_out in (0, num_images):
        raise ValueError(f"validation={validation}: choose a share between 0 and 1 that leaves images on both sides")
    return num_images - held_out


def num_labelled(setting: int | float | str, num_images: int, num_classes: int) -> int:
    """Read `labels=`: "all", a number of images, or a share of them (rounded down to equal numbers per class).

    Raises:
        ValueError: If there are not that many images, fewer labels than classes, or no equal number per class.

    Example:
        >>> num_labelled("all", 9000, 10), num_labelled(4000, 9000, 10), num_labelled(0.08, 9000, 10)
        (9000, 4000, 720)
    """
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
    if number % num_classes and number != num_images:
        raise ValueError(f"labels={setting}: choose a multiple of the {num_classes} classes")
    return number
