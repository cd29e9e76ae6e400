"""The documentation as a site: it builds without a warning, its links lead somewhere, it names every setting."""

import logging
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

import lwtrain
from documenting.outside_pages import OUTSIDE
from documenting.settings_page import settings_page
from lwtrain.commands import COMMANDS
from lwtrain.config.annotations import schemas
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.config.remarks import read_remarks
from lwtrain.config.schema import Config, InformationPlaneConfig, VisitConfig

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OUTSIDE_PAGES = [CHECKOUT / name for name in ("README.md", *OUTSIDE)]


class Complaints(logging.Handler):
    """Keeps what mkdocs warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once."""
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder, complaints, log = tmp_path_factory.mktemp("site"), Complaints(), logging.getLogger("mkdocs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        patch.setattr(sys, "path", [str(CHECKOUT), *sys.path])
        log.addHandler(complaints)
        try:
            build(load_config("mkdocs.yml", site_dir=str(folder), strict=False))
        finally:
            log.removeHandler(complaints)
    assert not complaints.lines, "\n".join(complaints.lines)
    return folder


def links(page: Path) -> list[str]:
    """The links and pictures of a page that lead to files, without the places in them; code has none."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link.partition("#")[0] for link in found if not re.match(r"#|\w+:", link)]


@pytest.mark.parametrize("page", [*OUTSIDE_PAGES, *PAGES], ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_and_pictures_are_there(page: Path) -> None:
    assert not [link for link in links(page) if not (page.parent / link).exists()]


def test_links_are_found() -> None:
    assert {"docs/faq.md", "docs/images/data_flow.svg", "RESULTS.md"} <= set(links(CHECKOUT / "README.md"))


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (CHECKOUT / "mkdocs.yml").read_text().partition("\nnav:")[2]))
    written = {str(page.relative_to(DOCS)) for page in PAGES}
    assert listed == written | {*OUTSIDE.values(), "settings.md"}


def test_the_site_builds_without_a_warning(site: Path) -> None:
    built = {page.stem for page in site.rglob("*.html")}
    assert {page.stem for page in PAGES} | {"settings", "measured", "changes", "contributing"} <= built


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.findall(r"<(?:script|img|iframe)[^>]+src=\"?https?:", text), page
        assert not re.findall(r"<link[^>]+rel=\"?(?:stylesheet|preconnect)[^>]+href=\"?https?:", text), page


def test_examples_in_docstrings_are_shown_as_code(site: Path) -> None:
    page = (site / "api" / "training.html").read_text()
    assert "&gt;&gt;&gt; " in page
    assert "<p>&gt;&gt;&gt; " not in page


def test_the_page_of_settings_names_every_setting_and_choice() -> None:
    page = settings_page()
    for group, kind in get_type_hints(Config).items():
        for schema in schemas(kind):
            assert all(f"| `{group}.{field.name}` |" in page for field in fields(schema) if field.name != "name")
        assert schemas(kind) or f"| `{group}` |" in page
    for group, choices in group_choices().items():
        assert group == "hydra" or all(f"`{group}={choice}`" in page for choice in choices)
    for prefix, schema in (
        ("callbacks.information_plane.", InformationPlaneConfig),
        ("schedule.visits[0].", VisitConfig),
    ):
        assert all(f"| `{prefix}{field.name}` |" in page for field in fields(schema))


@pytest.mark.parametrize(
    "row",
    [
        "| `batch_size` | `64` | a whole number of at least 2 | images in a step |",
        "| `schedule.waves` | `3` | a whole number of at least 1 | sweeps that share them |",
        "| `optimizer.weight_decay` | `0.0`<br>`0.01` with adamw | a number of at least 0 |  |",
        "| `model.code` | `10` | a whole number of at least 1 | numbers in the code |",
    ],
)
def test_a_setting_has_its_default_its_range_and_its_remark(row: str) -> None:
    assert row in settings_page().splitlines()


def test_public_names_are_on_a_page() -> None:
    shown = set(
        re.findall(r"^::: ([\w.]+)$", "\n".join(page.read_text() for page in (DOCS / "api").glob("*.md")), re.MULTILINE)
    )
    assert {f"lwtrain.{name}" for name in lwtrain.__all__} <= shown


def test_every_command_is_on_the_page_of_commands() -> None:
    page = (DOCS / "commands.md").read_text()
    assert all(f"| `lwtrain {command} " in page for command in COMMANDS)


def test_every_choice_says_what_it_is() -> None:
    silent = [
        f"{group}={choice}"
        for group, choices in group_choices().items()
        for choice in choices
        if group != "hydra" and choice != "default" and not read_remarks(conf_dir() / group / f"{choice}.yaml").about
    ]
    assert not silent


def test_the_drawings_are_those_of_the_schedules(tmp_path: Path) -> None:
    import drawings

    drawings.main(tmp_path)
    drawn = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert drawn == {file.name: file.read_text() for file in (DOCS / "images").glob("schedule_*.svg")}
    assert set(drawn) == set(re.findall(r"images/(schedule_\w+\.svg)", (DOCS / "schedules.md").read_text()))


def test_the_citation_file_is_one() -> None:
    citation: dict[str, Any] = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())
    project = re.search(r"^VERSION = \"(.*)\"$", (CHECKOUT / "lwtrain" / "version.py").read_text(), re.MULTILINE)
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format asks for
    assert (citation["cff-version"], citation["type"], citation["license"]) == ("1.2.0", "software", "MIT")
    assert project
    assert citation["version"] == project[1]
    assert citation["authors"] == [{"name": "The lwtrain authors"}]
