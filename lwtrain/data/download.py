"""Fetch a published file: from the first mirror that has it, checked, and in place as a whole or not at all."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from lwtrain.data.published_set import DataFile

_TIMEOUT = (10, 60)  # seconds to get a connection, and to wait for the next bytes


class DownloadError(Exception):
    """No mirror had the file; the message gives their reasons."""


def download(file: DataFile, data_dir: Path) -> None:
    """Put `file` at its path below `data_dir`, with a progress bar if standard error is a terminal.

    Raises:
        DownloadError: If no mirror has the file, or all of them have another one.
        OSError: If `data_dir` cannot be written.
    """
    from requests import RequestException

    data_dir.mkdir(parents=True, exist_ok=True)
    reasons = []
    with TemporaryDirectory(dir=data_dir, prefix=".download-") as folder:
        partial = Path(folder, file.name)
        for url in file.urls:
            try:
                _fetch(url, partial)
            except RequestException as error:
                reasons.append(_reason(error, urlsplit(url).hostname))
                continue
            flaw = file.flaw_of(partial)
            if flaw is None:
                target = data_dir / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                partial.replace(target)
                return
            reasons.append(f"what {urlsplit(url).hostname} sent {flaw}")
    raise DownloadError(", then ".join(dict.fromkeys(reasons)) or "nobody offers it")


def _fetch(url: str, path: Path) -> None:
    import pooch

    watched = sys.stderr.isatty()
    if watched:
        sys.stderr.write(f"Downloading {url}\n")
    fetch = pooch.HTTPDownloader(
        progressbar=watched,
        chunk_size=1 << 16,
        timeout=_TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # or a .gz file may be unpacked on its way
    )
    fetch(url, str(path), None)


def _reason(error: Exception, host: str | None) -> str:
    from requests import exceptions

    match error:
        case exceptions.HTTPError(response=response) if response is not None:
            return f"{host} answers {response.status_code} {response.reason}"
        case exceptions.SSLError():
            return f"the certificate of {host} is not trusted"
        case exceptions.Timeout():
            return f"{host} does not answer"
        case exceptions.ConnectionError():
            return "no network"
        case _:
            return f"the connection to {host} broke off"
