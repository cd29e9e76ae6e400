"""Pages of the site that lie beside docs/, where people look for them, and the links that lead to them and from them."""

import re

OUTSIDE = {"RESULTS.md": "measured.md", "CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md"}
"""Files of the repository, and what their pages are called in the site."""

_SITE = OUTSIDE | {"README.md": "index.md"}


def as_in_docs(text: str) -> str:
    """Write the links of a file at the repository's root as one in docs/ has them.

    Example:
        >>> as_in_docs("[data](docs/data.md), [licence](LICENSE), [above](#above), [web](https://a.b)")
        '[data](data.md), [licence](../LICENSE), [above](#above), [web](https://a.b)'
    """
    text = re.sub(r"\]\((?!docs/|#|\w+:)", "](../", text)
    return text.replace("](docs/", "](")


def as_in_site(text: str) -> str:
    """Lead the links of a page in docs/ that go to files beside it to the pages that the site has for them.

    Example:
        >>> as_in_site("[results](../RESULTS.md#machines)")
        '[results](measured.md#machines)'
    """
    for file, page in _SITE.items():
        text = text.replace(f"](../{file}", f"]({page}")
    return text
