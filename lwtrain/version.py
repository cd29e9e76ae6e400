"""The version of lwtrain: said here and nowhere else, so that a checkout which nobody has installed knows it, too."""

VERSION = "0.1.0"
