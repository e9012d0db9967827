"""What a saved notebook shows of every result: a picture, escaped tables, plain text; small, and the same for the same result."""
from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelnb.results import Clusters, Embeddings, Proposal, Provenance, Ranking, Report, Votes
from labelnb.widgets import palette
from labelnb.widgets.static_chart import bars, encode, lines, scatter
from labelnb.widgets.static_view import bundle_of, mimebundle, report_text
from tests.widgets.fake_host import NAMES, FakeHost

HOSTILE = "<img src=x onerror=alert(1)>"
LIMIT = 200_000


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Tags:
    parser = Tags()
    parser.feed(markup)
    return parser


def made(n: int = 300, session: Any = None, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(len(names)) * .4, n).astype(np.float32)
    probabilities[::9] = 0
    return {
        "proposal": Proposal(probabilities, names, session=session),
        "clusters": Clusters(np.arange(n) % 7 - 1, session=session),
        "ranking": Ranking(rng.random(n), flagged=np.arange(n) < 9, reasons=[HOSTILE] * n, session=session),
        "votes": Votes(rng.integers(-1, 3, (n, 3)), sources=("rule", HOSTILE, "model")),
        "embeddings": Embeddings(rng.standard_normal((n, 8)), session=session),
        "report": Report(
            title="How good", values={"accuracy": .8125, "items": 300}, tables={"by class": [{"class": HOSTILE, "f1": .5}] * 30},
            figures={
                "curve": {"kind": "line", "x": [1, 2], "series": {"a": [.1, float("nan")]}},
                "bars": {"kind": "bar", "x": ["a", "b"], "series": {"f1": [1, 2]}},
                "calibration": {"kind": "calibration", "x": [.1, .9], "series": {"a": [0, 1]}},
            },
        ),
    }


@pytest.mark.parametrize("kind", sorted(made()))
@pytest.mark.parametrize("with_items", ["image", "text", None])
def test_every_result_has_a_picture_a_table_and_text_below_200_kb(kind: str, with_items: str | None) -> None:
    session = FakeHost(300, with_items, broken=0) if with_items else None
    bundle = mimebundle(made(session=session)[kind])
    assert set(bundle) == {"text/plain", "text/html", "image/png"}
    assert sum(len(part) for part in bundle.values()) < LIMIT
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.format == "PNG" and picture.width > 200
    assert len(np.unique(np.asarray(picture.convert("L")))) >= 2
    seen = read(bundle["text/html"])
    assert [attributes["src"][:22] for tag, attributes in seen.tags if tag == "img"] == ["data:image/png;base64,"]
    assert not {"script", "iframe", "style", "object"} & {tag for tag, _ in seen.tags}
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert bundle["text/plain"].strip()


def test_hostile_names_stay_text() -> None:
    bundle = mimebundle(made(names=(HOSTILE, "b", "c", "d", "e"))["proposal"])
    seen = read(bundle["text/html"])
    assert HOSTILE in seen.text and sum(tag == "img" for tag, _ in seen.tags) == 1


def test_numbers_are_those_of_the_result() -> None:
    proposal = made()["proposal"]
    text = mimebundle(proposal)["text/plain"]
    counts = np.bincount(proposal.predictions[proposal.predictions >= 0])
    for name, count in zip(NAMES, counts, strict=True):
        assert re.search(rf"^  {name}\s+{count}\s", text, re.M), (name, count, text)
    assert f"{proposal.coverage:.1%} have one" in text
    assert "6 clusters of 300 items, 43 outliers" in mimebundle(made()["clusters"])["text/plain"]
    assert "9 flagged" in mimebundle(made()["ranking"])["text/plain"]


def test_the_first_in_line_come_first() -> None:
    ranking = made()["ranking"]
    rows = mimebundle(ranking)["text/plain"].splitlines()[3:]
    assert [int(row.split()[0]) for row in rows[:5]] == ranking.order[:5].tolist()


def test_provenance_and_warnings_are_shown() -> None:
    stamp = Provenance("propagation.zlap", "0.1.0", {"k": 5}, 7, {}, "cpu", .5, run=3)
    proposal = Proposal(np.eye(3), provenance=stamp, warnings=("stopped <early>",))
    bundle = mimebundle(proposal)
    assert "propagation.zlap(k=5) · seed 7 · 0.5 s on cpu · run 3" in bundle["text/plain"]
    assert "! stopped <early>" in bundle["text/plain"] and "stopped &lt;early&gt;" in bundle["text/html"]


def test_report_text_lines_up_and_says_what_is_left_out() -> None:
    text = report_text(made()["report"])
    assert text.splitlines()[:3] == ["How good", "  accuracy  0.8125", "  items     300"]
    assert "and 18 more" in text and str(made()["report"]) == text


@pytest.mark.parametrize("result", [
    Proposal(np.zeros((0, 2))), Proposal(np.zeros((3, 2))), Clusters(np.zeros(0, int)), Clusters(np.full(4, -1)),
    Ranking(np.full(3, np.nan)), Votes(np.full((2, 2), -1)), Embeddings(np.zeros((1, 4))), Embeddings(np.zeros((5, 1))),
    Report(title="empty"),
], ids=lambda result: f"{type(result).__name__}-{len(result) if hasattr(result, '__len__') else 0}")
def test_results_with_nothing_in_them_show_all_the_same(result: Any) -> None:
    bundle = mimebundle(result)
    assert bundle["text/plain"] and bundle["text/html"].startswith("<div>")


def test_a_picture_full_of_noise_is_made_to_fit() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 1280, 3), dtype=np.uint8))
    data = encode(noise, 40_000)
    assert len(data) <= 40_000 and Image.open(io.BytesIO(data)).width >= 100


def test_class_colours_survive_the_palette_exactly() -> None:
    rows = [(f"class {k}", [1.0], k) for k in range(12)]
    picture = Image.open(io.BytesIO(encode(bars(rows), 60_000))).convert("RGB")
    found = {colour for _, colour in picture.getcolors(100_000)}
    assert {palette.rgb(colour) for colour in palette.PALETTE} <= found and picture.getpixel((1, 1)) == (255, 255, 255)


def test_bars_are_as_long_as_their_numbers() -> None:
    picture = np.asarray(bars([("a", [30.0], 0), ("b", [15.0], 1)]))
    lengths = [(np.all(picture == palette.rgb(palette.PALETTE[k]), axis=2)).sum(axis=1).max() for k in (0, 1)]
    assert abs(lengths[0] / lengths[1] - 2) < .02


def test_points_land_where_they_belong() -> None:
    picture = np.asarray(scatter(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])))
    low_left = np.argwhere((picture == palette.rgb(palette.PALETTE[0])).all(axis=2)).mean(axis=0)
    top_right = np.argwhere((picture == palette.rgb(palette.PALETTE[1])).all(axis=2)).mean(axis=0)
    assert low_left[0] > top_right[0] and low_left[1] < top_right[1]


def test_a_chart_with_one_value_or_none_is_drawn() -> None:
    for series in ({"a": [.5]}, {"a": [float("nan")]}, {}):
        assert lines({"kind": "line", "x": [3] if series else [], "series": series}).width > 0


def test_wide_letters_and_long_words_do_not_break_the_table() -> None:
    long = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
    text = bundle_of("head", {"t": [{"a": "漢字", "b": "x"}, {"a": "abcd", "b": long}]}, None)["text/plain"]
    rows = text.splitlines()[3:]
    assert rows[0] == "  漢字  x" and rows[1].startswith("  abcd  Rindfleisch") and len(rows[1]) <= 60


def test_python_and_the_browser_have_the_same_colours() -> None:
    source = (Path(__file__).parents[2] / "widgets/src/shared/palette.ts").read_text(encoding="utf8")

    def colours(name: str) -> tuple[str, ...]:
        block = re.search(rf"export const {name} = [\[{{](.*?)[\]}}]", source, re.S)
        assert block is not None
        return tuple(re.findall(r"#[0-9a-f]{6}", block.group(1)))

    assert colours("PALETTE") == palette.PALETTE and colours("RAMP") == palette.RAMP and colours("NEUTRAL")[0] == palette.NEUTRAL
