"""What `mkdocs build` does besides: it makes the page of settings, and takes in pages that lie outside docs/."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from documenting.outside_pages import OUTSIDE, as_in_docs, as_in_site
from documenting.settings_page import settings_page

CHECKOUT = Path(__file__).resolve().parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and those from elsewhere."""
    files.append(File.generated(config, "settings.md", content=settings_page()))
    for name, page in OUTSIDE.items():
        text = (CHECKOUT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=as_in_docs(text, str(Path(name).parent))))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links out of docs/ to the pages of the site."""
    return as_in_site(markdown)
