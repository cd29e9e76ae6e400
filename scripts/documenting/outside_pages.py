"""Pages of the site that lie beside docs/, where people look for them, and the links to them and from them."""

import posixpath
import re

OUTSIDE = {
    "RESULTS.md": "measured.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "notebooks/README.md": "notebooks.md",
}
"""Files of the repository, and what their pages are called in the site."""

_SITE = OUTSIDE | {"README.md": "index.md"}


def as_in_docs(text: str, folder: str = "") -> str:
    """Write the links of a file outside docs/ as one in docs/ has them.

    Args:
        text: Of the file.
        folder: That it lies in; by default the repository's root.

    Example:
        >>> as_in_docs("[data](docs/data.md), [licence](LICENSE), [above](#above), [web](https://a.b)")
        '[data](data.md), [licence](../LICENSE), [above](#above), [web](https://a.b)'
        >>> as_in_docs("[first](1.ipynb), [results](../RESULTS.md)", folder="notebooks")
        '[first](../notebooks/1.ipynb), [results](../RESULTS.md)'
    """

    def moved(link: re.Match[str]) -> str:
        return f"]({posixpath.relpath(posixpath.join(folder, link[1]), 'docs')}"

    return re.sub(r"\]\((?!#|\w+:)([^)#]+)", moved, text)


def as_in_site(text: str) -> str:
    """Lead the links of a page in docs/ that go to files beside it to the pages that the site has for them.

    The page of settings stands for conf/, where those who read the files find the same; a notebook is named.

    Example:
        >>> as_in_site("[results](../RESULTS.md#machines), [all](../conf/), [sidecars](../conf/encoder/)")
        '[results](measured.md#machines), [all](settings.md), [sidecars](settings.md#encoder)'
        >>> as_in_site("see [the first](../notebooks/1_first_run.ipynb)")
        'see the first (`notebooks/1_first_run.ipynb`)'
    """
    text = re.sub(r"\]\(\.\./conf/(\w+)/\)", r"](settings.md#\1)", text).replace("](../conf/)", "](settings.md)")
    text = re.sub(r"\[([^]]*)\]\(\.\./(notebooks/\w+\.ipynb)\)", r"\1 (`\2`)", text)
    for file, page in _SITE.items():
        text = text.replace(f"](../{file}", f"]({page}")
    return text
