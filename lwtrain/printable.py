"""Text that any screen, log and file takes, on one line."""


def printable(text: object) -> str:
    r"""Write with backslashes what cannot be printed: line breaks, and bytes of a file's name that are not UTF-8.

    Example:
        >>> print(printable("cat\n/caf\udce9.jpg"))
        cat\n/caf\xe9.jpg
    """
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in str(text))


def _escaped(sign: str) -> str:
    byte = ord(sign) - 0xDC00  # Python's place for a byte that it could not decode
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else repr(sign)[1:-1]
