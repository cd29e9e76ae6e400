"""Opens TensorBoard on a finished run in a Chromium without a screen, looks at its pages, and keeps pictures of them.

It fails where a page does not show what it should:

    python scripts/screenshots.py RUN [--to docs/images] [--only charts images]

The pictures in docs/images are of this run (VGG-11 at an eighth of the channels, on the bundled images):

    python train.py model.width=0.125 encoder=c

Needs `playwright` (the extra `dev`) and a Chromium of the machine's own, called chromium, chromium-browser or
google-chrome.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Error, Page, expect, sync_playwright

_SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PATIENCE = 240_000  # milliseconds until something has to be there; a busy core draws slowly
_DRAWING = 3_000  # milliseconds from when the data have come until the lines are there


class Sight(NamedTuple):
    """A page of TensorBoard's, and what has to be seen on it."""

    name: str
    address: str  # behind the #
    look: Callable[[Page, dict[str, Any]], None]
    size: tuple[int, int] = (1280, 860)


def chromium() -> str | None:
    """Find a browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def tensorboard(folder: Path) -> Iterator[str]:
    """Serve TensorBoard of a folder to this machine alone, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = ["--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder.name, *place]  # a name that pages show
    server = subprocess.Popen(command, cwd=folder.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def look_at_scalars(page: Page, metrics: dict[str, Any]) -> None:
    """See a group for each layer, and the vote's accuracy."""
    for name in [*_layers(metrics), "head", "time", "vote"]:
        expect(page.locator("tf-category-paginated-view", has_text=name).first).to_be_attached()
    expect(page.get_by_text("tag: vote/val/accuracy", exact=True).first).to_be_visible()


def look_at_charts(page: Page, metrics: dict[str, Any]) -> None:
    """See the vote, the head and the last layer in one chart, and all layers in the next."""
    for title, lines in {"vote, head and last layer": 3, "all layers (validation)": len(_layers(metrics)) + 1}.items():
        card = page.locator("tf-custom-scalar-multi-line-chart-card", has_text=title).first
        expect(card.get_by_text(f"Matches ({lines})")).to_be_visible()


def look_at_images(page: Page, _: dict[str, Any]) -> None:
    """See the pictures, loaded."""
    for tag in ("accuracy/by_depth", "accuracy/confusion", "accuracy/mistakes"):
        card = page.locator("tf-image-loader", has_text=tag).first
        expect(card).to_be_visible()
        expect(card.locator("img").first).to_have_js_property("complete", True)
        width = card.locator("img").first.evaluate("image => image.naturalWidth")
        assert width > 300, f"{tag} is {width} pixels wide"
    page.get_by_text("Show actual image size").click()


def look_at_text(page: Page, metrics: dict[str, Any]) -> None:
    """See the settings."""
    for name in ("model", "schedule"):
        expect(page.get_by_text(f"name: {metrics['config'][name]['name']}").first).to_be_visible()


def look_at_hyperparameters(page: Page, metrics: dict[str, Any]) -> None:
    """See the choices that tell most, and the run's own figures."""
    for name in ("model", "schedule", "encoder", "vote/val/accuracy", "vote/test/accuracy"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    for tag in ("vote/val/accuracy", "vote/test/accuracy"):
        expect(page.get_by_text(f"{metrics[tag]:#.5g}", exact=True).first).to_be_visible()


def look_at_time_series(page: Page, _: dict[str, Any]) -> None:
    """See pictures and curves side by side."""
    expect(page.get_by_text("accuracy/by_depth", exact=True).first).to_be_visible()


SIGHTS = (
    Sight("time_series", "timeseries", look_at_time_series),
    Sight("scalars", "scalars&_smoothingWeight=0&tagFilter=vote", look_at_scalars),
    Sight("charts", "custom_scalars&_smoothingWeight=0", look_at_charts),
    Sight("images", "images&tagFilter=accuracy", look_at_images, (1600, 1340)),
    Sight("text", "text", look_at_text),
    Sight("hyperparameters", "hparams", look_at_hyperparameters, (1800, 560)),
)


def shoot(run: Path, folder: Path, sights: Sequence[Sight] = SIGHTS) -> list[Path]:
    """Look at every page, and keep a picture of each.

    Args:
        run: The folder of a finished run, a classifier with a vote.
        folder: Where the pictures go.
        sights: The pages to look at.

    Raises:
        AssertionError: If a page does not show what it should.
    """
    metrics = json.loads((run / "metrics.json").read_text())
    expect.set_options(timeout=_PATIENCE)
    taken = []
    with tensorboard(run.resolve()) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_SWITCHES)
        for sight in sights:
            width, height = sight.size
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            _open(page, f"{address}#{sight.address}")
            sight.look(page, metrics)
            page.wait_for_timeout(_DRAWING)
            taken.append(folder / f"tensorboard_{sight.name}.png")
            page.screenshot(path=taken[-1])
            page.close()  # another address in the same page would not always be heard
        browser.close()
    return taken


def _open(page: Page, address: str) -> None:
    """Open a page as soon as the server answers."""
    until = time.monotonic() + _PATIENCE / 1000
    while True:
        try:
            page.goto(address)
            return
        except Error:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def _layers(metrics: dict[str, Any]) -> list[str]:
    return sorted(
        {tag.partition("/")[0] for tag in metrics if tag.startswith("layer_") and tag.endswith("/val/accuracy")}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--to", type=Path, default=Path("docs/images"), help="where the pictures go")
    names = [sight.name for sight in SIGHTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="the pages to look at")
    given = parser.parse_args()
    if chromium() is None:
        parser.error("there is no chromium, chromium-browser or google-chrome here")
    given.to.mkdir(parents=True, exist_ok=True)
    for path in shoot(given.run, given.to, [sight for sight in SIGHTS if sight.name in given.only]):
        print(path)


if __name__ == "__main__":
    main()
