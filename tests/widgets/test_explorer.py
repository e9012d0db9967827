"""The Explorer's Python half: what is on the wire, selection, labels, search, and that everything is a Python call."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import traitlets

import labelnb.widgets
from labelnb.results import Clusters, Proposal, Report
from labelnb.widgets.explorer import Explorer
from tests.widgets.fake_host import NAMES, FakeHost


def opened(host: FakeHost, **options: Any) -> tuple[Explorer, list[tuple[dict[str, Any], list[bytes]]]]:
    explorer = Explorer(host, host.xy, **options)
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    explorer.send = lambda content, buffers=None: sent.append((content, list(buffers or ())))
    return explorer, sent


def ask(explorer: Explorer, sent: list[Any], kind: str, buffers: Any = (), **payload: Any) -> tuple[dict[str, Any], list[bytes]]:
    explorer._handle_custom_msg({"id": "v:1", "kind": kind, **payload}, [memoryview(part) for part in buffers])
    answer = [message for message in sent if message[0].get("id") == "v:1"][-1]
    assert answer[0]["ok"], answer
    return answer


def bits(n: int, positions: Any) -> bytes:
    mask = np.zeros(n, np.uint8)
    mask[positions] = 1
    return np.packbits(mask, bitorder="little").tobytes()


def made_proposal(host: FakeHost, classes: tuple[str, ...] = NAMES) -> Proposal:
    probabilities = np.zeros((len(host.items), len(classes)), np.float32)
    probabilities[np.arange(len(host.items)), host.items.truth] = .75
    probabilities[np.arange(len(host.items)), (host.items.truth + 1) % len(classes)] = .25
    probabilities[5] = 0
    return Proposal(probabilities, classes)


def test_five_bytes_a_point_and_proportions_are_kept() -> None:
    host = FakeHost(40)
    host.xy = (host.xy * [1, .25] + [1e6, -3]).astype(np.float64)
    explorer, sent = opened(host)
    answer, [xy, codes, selected] = ask(explorer, sent, "map", by="label")
    assert len(xy) + len(codes) == 5 * 40 and len(selected) == 5
    got = np.frombuffer(xy, "<u2").reshape(-1, 2).astype(float)
    wanted = host.xy - host.xy.min(axis=0)
    ratio = np.ptp(got, axis=0)[0] / np.ptp(wanted, axis=0)[0]
    assert np.abs((got - got.min(axis=0)) - wanted * ratio).max() <= 1.5
    assert answer["codes"] == {"by": "label", "none": 255, "other": 254, "bytes": 1, "ramp": False, "names": None}


def test_codes_of_labels_proposal_and_confidence() -> None:
    host = FakeHost(10)
    host.decide([0, 1], "boat")
    host.decide([2], FakeKind())
    proposal = made_proposal(host, tuple(reversed(NAMES)))
    explorer, sent = opened(host, proposal=proposal)
    _, [codes] = ask(explorer, sent, "colours", by="label")
    assert list(codes) == [1, 1, 254] + [255] * 7
    _, [codes] = ask(explorer, sent, "colours", by="proposal")
    expected = [NAMES.index(proposal.classes[k]) if k >= 0 else 255 for k in proposal.predictions]
    assert list(codes) == expected and codes[5] == 255
    answer, [codes] = ask(explorer, sent, "colours", by="confidence")
    assert answer["codes"]["other"] == -1 and codes[0] == round(.75 * 254) and codes[5] == 255


class FakeKind:
    kind, classes = "unsure", ()


def test_more_than_250_classes_take_two_bytes() -> None:
    host = FakeHost(10, classes=[f"c{k}" for k in range(300)])
    host.decide([3], "c299")
    explorer, sent = opened(host)
    answer, [codes] = ask(explorer, sent, "colours", by="label")
    assert answer["codes"]["bytes"] == 2 and np.frombuffer(codes, "<u2")[[3, 4]].tolist() == [299, 65_535]


def test_the_selection_is_observable_from_both_sides_and_echoed_to_other_views_only() -> None:
    host = FakeHost(60)
    explorer, sent = opened(host)
    seen: list[list[int]] = []
    explorer.observe(lambda change: seen.append(change["new"].tolist()), "selection")
    ask(explorer, sent, "open")
    sent.clear()
    ask(explorer, sent, "select", [bits(60, [3, 59])], origin="v")
    assert explorer.selection.tolist() == [3, 59] and explorer.selection.dtype == np.int64
    assert [message for message, _ in sent if "notice" in message] == []
    ask(explorer, sent, "open")
    sent.clear()
    ask(explorer, sent, "select", [bits(60, [4])], origin="v")
    assert [(message["notice"], message["origin"]) for message, _ in sent if "notice" in message] == [("selection", "v")]
    explorer.selection = [9, 2, 9]
    assert seen == [[3, 59], [4], [2, 9]]
    assert sent[-1] == ({"origin": None, "notice": "selection"}, [bits(60, [2, 9])])
    explorer.selection = np.array([2, 9])
    assert len(seen) == 3


def test_select_takes_ids_positions_and_masks_and_refuses_what_is_not_there() -> None:
    host = FakeHost(60)
    explorer, _ = opened(host)
    assert explorer.select(["item-00007", "item-00001"]).tolist() == [1, 7]
    assert explorer.select(host.items.truth == 2).tolist() == list(range(2, 60, 5))
    assert explorer.select(4).tolist() == [4] and explorer.select([]).tolist() == []
    with pytest.raises(IndexError, match="expected 0 to 59"):
        explorer.select([60])
    with pytest.raises(traitlets.TraitError, match="expected 0 to 59"):
        explorer.selection = [-1]
    with pytest.raises(traitlets.TraitError, match="select"):
        explorer.selection = ["item-00001"]


def test_label_from_python_labels_the_selection_and_says_what_it_answers() -> None:
    host = FakeHost(60)
    proposal = made_proposal(host)
    explorer, _ = opened(host, proposal=proposal)
    with pytest.raises(ValueError, match="nothing is selected"):
        explorer.label("boat")
    explorer.select([3, 4])
    explorer.label("boat")
    explorer.color = "proposal"
    explorer.label("cloud")
    assert [(value, more["proposal"]) for _, value, more in host.log] == [("boat", None), ("cloud", proposal)]
    assert host.labels.values[[3, 4]].tolist() == [2, 2]


def test_search_ranks_all_items_and_marks_the_best() -> None:
    host = FakeHost(60)
    explorer, sent = opened(host)
    ranked = explorer.search("a boat")
    assert sorted(ranked.tolist()) == list(range(60)) and set(host.items.truth[ranked[:12]]) == {1}
    notice, [positions] = sent[-1]
    assert notice == {"title": "“a boat”", "notice": "results"} and np.frombuffer(positions, "<u4").tolist() == ranked.tolist()
    answer, parts = ask(explorer, sent, "map", by="label")
    assert answer["results"] == "“a boat”" and len(parts) == 4
    assert explorer.similar(["item-00003"])[0] == 3
    explorer.clear_results()
    assert sent[-1][0] == {"title": None, "notice": "results"}
    with pytest.raises(ValueError, match="nothing is selected"):
        explorer.similar()
    host.can_search_text = False
    with pytest.raises(ValueError, match=r"use \.similar"):
        explorer.search("boat")


def test_positions_can_move_and_must_fit() -> None:
    host = FakeHost(12)
    explorer, sent = opened(host)
    explorer.set_positions(host.xy[:, ::-1])
    notice, [xy] = sent[-1]
    assert notice == {"notice": "positions"} and len(xy) == 48
    with pytest.raises(ValueError, match=r"\(12, 2\)"):
        explorer.set_positions(host.xy[:5])
    broken = host.xy.copy()
    broken[7] = np.nan
    with pytest.raises(ValueError, match="the first at position 7"):
        explorer.set_positions(broken)
    explorer.set_positions(np.zeros((12, 2)))


def test_a_proposal_that_does_not_fit_is_refused() -> None:
    host = FakeHost(12)
    with pytest.raises(ValueError, match="run the method again"):
        Explorer(host, host.xy, proposal=Proposal(np.eye(5), NAMES))
    with pytest.raises(ValueError, match="fern"):
        Explorer(host, host.xy, proposal=Proposal(np.ones((12, 1)), ("fern",)))
    with pytest.raises(ValueError, match="needs a proposal"):
        Explorer(host, host.xy, color="confidence")
    with pytest.raises(ValueError, match="expected one of"):
        Explorer(host, host.xy, color="hue")
    assert host.listeners == 0


def test_details_say_label_and_proposal_in_words() -> None:
    host = FakeHost(12)
    explorer, sent = opened(host, proposal=made_proposal(host))
    host.decide([2], FakeKind())
    answer, _ = ask(explorer, sent, "details", position=2)
    assert (answer["item"], answer["label"], answer["label_position"], answer["proposal"]) == ("item-00002", "unsure", -1, "cloud")
    assert answer["confidence"] == .75
    assert ask(explorer, sent, "details", position=5)[0]["proposal"] is None


def test_the_static_bundle_is_a_small_map() -> None:
    host = FakeHost(60)
    host.decide([1, 2, 3], "boat")
    data, _ = opened(host)[0]._repr_mimebundle_()
    assert data["text/plain"] == "Map of 60 items, 3 labelled" and "application/vnd.jupyter.widget-view+json" in data
    assert len(data["image/png"]) + len(data["text/html"]) < 200_000


def test_an_empty_map_is_made() -> None:
    host = FakeHost(0)
    explorer, sent = opened(host)
    assert ask(explorer, sent, "map", by="label")[1][:2] == [b"", b""] and explorer.select([]).size == 0


def test_widget_for_says_what_has_none_and_what_is_missing() -> None:
    with pytest.raises(TypeError, match="Report, which has no interactive widget"):
        labelnb.widgets.widget_for(Report(title="x"))
    with pytest.raises(ValueError, match="host=session"):
        labelnb.widgets.widget_for(Clusters(np.zeros(3, int)))
    with pytest.raises(AttributeError, match="no 'Chart'"):
        _ = labelnb.widgets.Chart
    assert labelnb.widgets.Explorer is Explorer
