"""Pages of the site that lie beside docs/, where people look for them, and the links to them and from them."""

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

    The page of settings stands for conf/, where those who read the files find the same.

    Example:
        >>> as_in_site("[results](../RESULTS.md#machines), [all](../conf/), [sidecars](../conf/encoder/)")
        '[results](measured.md#machines), [all](settings.md), [sidecars](settings.md#encoder)'
    """
    text = re.sub(r"\]\(\.\./conf/(\w+)/\)", r"](settings.md#\1)", text).replace("](../conf/)", "](settings.md)")
    for file, page in _SITE.items():
        text = text.replace(f"](../{file}", f"]({page}")
    return text
