"""What a user can mend: the message is all they need to read, one or two lines that say what to do."""


class ConfigError(ValueError):
    """A setting that cannot be used, in the form `setting=value: what is allowed`."""


class DataError(Exception):
    """Data that are missing or damaged, with the file and the remedy named."""


class TrainingError(Exception):
    """Training that cannot go on, with the layer and the step named."""
