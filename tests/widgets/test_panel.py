"""The shared Python half of the widgets: requests, answers, word of changes, clean up."""
from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import traitlets

from labelnb.widgets.panel import Panel, bundle, positions_of
from tests.widgets.fake_host import FakeHost


class Small(Panel):
    _esm = traitlets.Unicode("export default {}").tag(sync=True)

    def on_double(self, message: dict[str, Any], buffers: Any) -> tuple[dict[str, Any], list[bytes]]:
        return {"twice": message["n"] * 2}, [b"xy"]

    def on_break(self, message: dict[str, Any], buffers: Any) -> dict[str, Any]:
        raise ValueError("got nothing, expected something")


def opened(host: FakeHost) -> tuple[Small, list[tuple[dict[str, Any], list[bytes]]]]:
    panel = Small(host, title="Small", page_size=7)
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    panel.send = lambda content, buffers=None: sent.append((content, list(buffers or ())))
    return panel, sent


def ask(panel: Panel, sent: list[Any], kind: str, buffers: Any = (), **payload: Any) -> tuple[dict[str, Any], list[bytes]]:
    sent.clear()
    panel._handle_custom_msg({"id": "v:1", "kind": kind, **payload}, [memoryview(part) for part in buffers])
    return next(message for message in sent if message[0].get("id") == "v:1")


def test_answers_come_back_under_the_same_id_with_their_buffers() -> None:
    panel, sent = opened(FakeHost())
    assert ask(panel, sent, "double", n=21) == ({"id": "v:1", "ok": True, "twice": 42}, [b"xy"])


def test_an_exception_goes_back_as_its_message() -> None:
    panel, sent = opened(FakeHost())
    answer, _ = ask(panel, sent, "break")
    assert answer == {"id": "v:1", "ok": False, "error": "got nothing, expected something", "type": "ValueError"}


@pytest.mark.parametrize("kind", ["nothing", "msg", "trait_change", "__init__", "a b"])
def test_only_the_widgets_own_requests_are_answered(kind: str) -> None:
    panel, sent = opened(FakeHost())
    answer, _ = ask(panel, sent, kind)
    assert not answer["ok"] and "Small has no answer" in answer["error"]


def test_state_follows_the_host_and_labels_that_change_are_sent_once_asked_for() -> None:
    host = FakeHost(30)
    panel, sent = opened(host)
    host.decide([1, 2], "boat")
    assert panel.state["counts"] == [0, 2, 0, 0, 0] and panel.state["n_known"] == 2 and panel.state["revision"] == 1
    assert sent == []
    _, [codes] = ask(panel, sent, "labels")
    assert np.frombuffer(codes, "<i2").tolist() == [-1, 1, 1] + [-1] * 27
    sent.clear()
    host.decide([2, 9], "cloud")
    [(notice, [where, what])] = sent
    assert notice["notice"] == "labels"
    assert np.frombuffer(where, "<u4").tolist() == [2, 9] and np.frombuffer(what, "<i2").tolist() == [2, 2]


def test_decide_takes_positions_or_bits_and_every_item_its_own_value() -> None:
    host = FakeHost(20)
    panel, sent = opened(host)
    assert ask(panel, sent, "decide", [np.array([3, 4], "<u4").tobytes()], value="apple")[0]["n"] == 2
    bits = np.packbits(np.arange(20) % 5 == 0, bitorder="little").tobytes()
    assert ask(panel, sent, "decide", [bits], value="drum", bits=True)[0]["n"] == 4
    ask(panel, sent, "decide", [np.array([1, 2], "<u4").tobytes()], value=["cloud", None])
    assert host.labels.values[[0, 1, 2, 3, 4, 5]].tolist() == [3, 2, -1, 0, 0, 3]
    assert ask(panel, sent, "undo", n=2)[0]["n"] == 2
    assert host.labels.values[[0, 1, 3]].tolist() == [-1, -1, 0]


def test_a_decision_that_fails_says_so_and_a_position_out_of_range_is_refused() -> None:
    host = FakeHost(20)
    panel, sent = opened(host)
    assert "expected 0 to 19" in ask(panel, sent, "decide", [np.array([20], "<u4").tobytes()], value="apple")[0]["error"]
    assert "did you mean" in ask(panel, sent, "decide", [np.array([2], "<u4").tobytes()], value="appel")[0]["error"]
    host.fail = "the disk is full"
    assert ask(panel, sent, "decide", [np.array([2], "<u4").tobytes()], value="apple")[0]["error"] == "the disk is full"
    assert host.log == []


def test_a_decision_sent_again_is_answered_and_not_made_twice() -> None:
    host = FakeHost(20)
    panel, sent = opened(host)
    for _ in range(2):
        assert ask(panel, sent, "decide", [np.array([2], "<u4").tobytes()], value="apple", uid="a:0")[0]["n"] == 1
    assert len(host.log) == 1
    assert "refused" in ask(panel, sent, "decide", [np.array([2], "<u4").tobytes()], value="no class", uid="a:1")[0]


def test_items_come_with_thumbnails_and_a_broken_one_does_not_cost_the_others() -> None:
    panel, sent = opened(FakeHost(20, broken=3))
    answer, pictures = ask(panel, sent, "items", positions=[2, 3, 4, 999], size=64)
    assert [item["buffer"] for item in answer["items"]] == [0, None, 1, None]
    assert answer["items"][1]["problem"] == "item-00003: not an image" and answer["items"][3]["problem"]
    assert len(pictures) == 2 and all(picture[8:12] == b"WEBP" for picture in pictures)


def test_texts_are_cut_and_pictures_of_a_risky_type_are_not_sent() -> None:
    host = FakeHost(6, "text", texts=["x" * 5_000])
    panel, sent = opened(host)
    answer, pictures = ask(panel, sent, "items", positions=[0])
    assert len(answer["items"][0]["text"]) == 2_000 and pictures == []
    host = FakeHost(6)
    host.items.thumbnail = lambda i, size=96: (b"<svg/>", "image/svg+xml")  # type: ignore[method-assign]
    panel, sent = opened(host)
    answer, pictures = ask(panel, sent, "items", positions=[0])
    assert pictures == [] and "image/svg+xml" in answer["items"][0]["problem"]


def test_add_class_adds_once() -> None:
    host = FakeHost(6)
    panel, sent = opened(host)
    assert ask(panel, sent, "add_class", name=" fern ")[0]["position"] == 5
    assert ask(panel, sent, "add_class", name="fern")[0]["position"] == 5
    assert panel.state["classes"][-1] == "fern" and "not empty" in ask(panel, sent, "add_class", name="  ")[0]["error"]


def test_close_stops_listening_and_a_dropped_panel_is_not_kept_alive_by_the_host() -> None:
    host = FakeHost(6)
    panel, _ = opened(host)
    assert host.listeners == 1
    panel.close()
    assert host.listeners == 0
    gone = weakref.ref(panel)
    del panel
    gc.collect()
    assert gone() is None
    host.decide([1], "boat")


def test_a_widget_that_is_replaced_and_no_longer_seen_closes_and_the_newest_stays() -> None:
    host, other_host = FakeHost(6), FakeHost(6)
    first, sent = opened(host)
    ask(first, sent, "open")
    elsewhere, _ = opened(other_host)
    ask(first, sent, "closed")
    assert first.comm is not None and host.listeners == 1
    ask(first, sent, "open")
    second, sent_second = opened(host)
    ask(second, sent_second, "open")
    ask(first, sent, "closed")
    ask(second, sent_second, "closed")
    assert first.comm is None and second.comm is not None and elsewhere.comm is not None and host.listeners == 1


def test_a_closed_widget_opens_again_when_it_is_displayed_and_is_up_to_date() -> None:
    host = FakeHost(6)
    panel, _ = opened(host)
    name = panel.model_id
    panel.close()
    host.decide([1], "boat")
    assert panel.state["n_known"] == 0
    data, _ = panel._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == name and panel.state["n_known"] == 1
    host.decide([2], "boat")
    assert panel.state["n_known"] == 2


def test_positions_of_reads_lists_bits_and_integers() -> None:
    assert positions_of({"positions": [4, 1]}, [], 5).tolist() == [4, 1]
    assert positions_of({"bits": True}, [memoryview(bytes([0b1001, 1]))], 9).tolist() == [0, 3, 8]
    with pytest.raises(IndexError, match="expected 0 to 4"):
        positions_of({"positions": [-1]}, [], 5)


def test_a_missing_bundle_says_how_to_build_it() -> None:
    with pytest.raises(FileNotFoundError, match="npm run build"):
        bundle("nothing")
