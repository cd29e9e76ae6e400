"""The command, from what is typed to the file and what is printed."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from stored_runs import store_run

from lwtrain import cli


@pytest.fixture(autouse=True)
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, (seed, labels, share) in enumerate([(0, 100, 0.5), (1, 100, 0.6), (0, 1000, 0.8)]):
        figures = {"vote/val/accuracy": share, "head/val/accuracy": share - 0.1, "layer_0/val/accuracy": 0.4}
        folder = store_run(tmp_path / f"outputs/<{number}>", figures=figures, age=9 - number, seed=seed, labels=labels)
        (folder / "metrics.csv").write_text(f"step,time/loss,vote/val/accuracy\n1,2.0,0.3\n2,2.0,{share}\n")


class Cells(HTMLParser):
    """What stands in a page's table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._inside = tag in ("td", "th")
        if tag == "tr":
            self.rows.append([])
        elif self._inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def test_a_page_has_the_picture_and_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["compare", "outputs"])
    assert capsys.readouterr().out.splitlines()[-1] == "comparison.html"
    page = Path("comparison.html").read_text()
    rows = Cells(page).rows
    assert rows[0][:3] == ["run", "seed", "labels"]
    assert [row[:3] for row in rows[1:]] == [["<0>", "0", "100"], ["<1>", "1", "100"], ["<2>", "0", "1000"]]
    assert [row[rows[0].index("vote/val")] for row in rows[1:]] == ["50.00%", "60.00%", "80.00%"]
    assert "<svg" in page
    assert not any(word in page for word in ("src=", "<script", "@import"))


def test_seeds_are_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["compare", "outputs/<0>", "outputs/<1>", "outputs/<2>", "--over", "seed", "--to", "seeds.html"])
    page = Path("seeds.html").read_text()
    assert Cells(page).rows[1][1] == "100"
    assert "55.00% ± 5.00" in page
    assert "2 ways to train, 3 runs" in page
    assert "55.00% ± 5.00" in capsys.readouterr().out


def test_a_png_can_be_had_of_some_of_the_runs() -> None:
    cli.main(["compare", "outputs", "--where", "labels=100", "--to", "pictures/some.png"])
    with Image.open("pictures/some.png") as picture:
        assert picture.width > 1000


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: RUN; see lwtrain compare --help"),
        (["gone"], "gone: there is no such folder; name runs, such as outputs/<date>/<time>"),
        (["empty"], "empty: there are no runs in it"),
        (["outputs", "--to", "a.pdf"], "--to a.pdf: name a .html, .png or .svg file"),
        (["outputs", "--over", "batch"], "--over batch: the runs do not differ in it; "),
        (["outputs", "--where", "seed>4"], "--where seed>4: none of 3 runs is so"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    with pytest.raises(SystemExit) as end:
        cli.main(["compare", *arguments])
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(complaint)
    assert (len(printed.err.splitlines()), printed.out) == (1, "")
