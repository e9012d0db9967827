"""Clusters that become labels, in a real JupyterLab: discover, name, split, merge, accept, take back; then the kernel is restarted."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import is_blank
from tests.browser.test_notebook import labels_on_disk, mean_light

pytestmark = pytest.mark.browser

SESSION = '''
import numpy as np
import labelnb as lnb

rng = np.random.default_rng(0)
words = [f"{{kind}} {{i}}" for i in range(40) for kind in ("apple", "lorry", "hammer")]
vectors = np.tile(np.eye(3, 8), (40, 1)) + 0.2 * rng.normal(size=(120, 8))
s = lnb.Session(words, classes=["fruit", "vehicle", "tool"], path={path!r})
s.embed(vectors)
'''
CLUSTERS = 'board = s.clustering.sela(n_clusters=3).widget(sort="number")\nboard'
STATE = "print(sorted(board.names.items()), board.counts['clusters'], s.labels.n_known, s.classes.version)"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "words.lnb"


def press(notebook, *keys: str) -> None:
    for key in keys:
        notebook.page.keyboard.press(key)


def focus(notebook, cluster: int) -> None:
    card = notebook.output(1).locator(f'.lnb-cluster[data-cluster="{cluster}"]')
    card.wait_for()
    card.focus()


def test_discover_name_split_merge_accept_undo_and_a_restart(lab, kept):
    with lab.notebook("cluster-session", [SESSION.format(path=str(kept)), CLUSTERS], height=1300) as notebook:
        notebook.run_all()
        view = notebook.output(1)
        view.locator(".lnb-cluster-chip").first.wait_for()
        sizes = notebook.python("print([len(board.members(c)) for c in range(3)])")
        words = notebook.python("print([board.proposals(c)[0].name for c in range(3)])")

        # Name the first by what its texts say, and accept it.
        focus(notebook, 0)
        press(notebook, "p")
        notebook.wait_python("print(board.names.get(0) == board.proposals(0)[0].name)", "True")
        press(notebook, "Enter")
        notebook.wait_python("print(s.labels.n_known == len(board.members(0)))", "True")
        assert notebook.python("print(s.classes.names[-1] == board.names[0], s.classes.version)") == "True 2"
        assert labels_on_disk(kept).count(3) == int(notebook.python("print(len(board.members(0)))"))

        # Split the second up into as many parts as there are, choose them all, and merge them again.
        focus(notebook, 1)
        press(notebook, "k")
        notebook.wait_python("print(board.counts['clusters'] > 3)", "True")
        parts = notebook.python("print(' '.join(str(c) for c in range(3, board._state.groups.count)))").split()
        for cluster in ("1", *parts):
            focus(notebook, int(cluster))
            press(notebook, " ")
        press(notebook, "m")
        notebook.wait_python("print([len(board.members(c)) for c in range(3)])", sizes)

        # Name it by typing, press the two wrong ones, accept the rest.
        focus(notebook, 1)
        press(notebook, "n")
        notebook.page.keyboard.type("Räder & <b>mehr</b>")
        press(notebook, "Tab")
        notebook.wait_python("print(board.names.get(1))", "Räder & <b>mehr</b>")
        thumbs = view.locator('.lnb-cluster[data-cluster="1"] .lnb-thumb')
        thumbs.nth(0).click()
        thumbs.nth(7).click()
        size = int(notebook.python("print(len(board.members(1)))"))
        press(notebook, "Enter")
        notebook.wait_python("print(int((s.labels.values == 4).sum()))", str(size - 2))
        assert notebook.python("print(sum(str(s.labels.label(i)) == 'not Räder & <b>mehr</b>' for i in range(120)))") == "2"
        assert view.locator("b").count() == 0
        done = notebook.python(STATE)

        # Take the last three steps back, and bring them again.
        focus(notebook, 2)
        press(notebook, "u")
        notebook.wait_python("print(int(s.labels.known.sum()) == len(board.members(0)), len(s.classes))", "True 4")
        press(notebook, "u", "u")
        notebook.wait_python("print(1 in board.names, board.counts['clusters'] > 3)", "False True")
        press(notebook, "r", "r", "r")
        notebook.wait_python(STATE, done)
        before = labels_on_disk(kept)
        picture = notebook.screenshot("cluster-session-light.png", view)
        assert not is_blank(picture)
        assert mean_light(picture) > 160
        notebook.set_theme("dark")
        notebook.picture_where(lambda picture: mean_light(picture) < 110, "cluster-session-dark.png", view)
        notebook.set_theme("light")

        # The kernel is gone; running the cells again gives the board back.
        notebook.restart()
        notebook.run_all()
        notebook.wait_python(STATE, done)
        assert notebook.python("print([board.proposals(c)[0].name for c in range(3)][2])") in words
        assert labels_on_disk(kept) == before
        view = notebook.output(1)
        view.locator('.lnb-cluster[data-cluster="1"] input.lnb-cluster-name').wait_for()
        assert view.locator('.lnb-cluster[data-cluster="1"] input.lnb-cluster-name').input_value() == "Räder & <b>mehr</b>"
        focus(notebook, 1)
        press(notebook, "u")
        notebook.wait_python("print(int(s.labels.known.sum()) == len(board.members(0)))", "True")
        assert notebook.errors == []


def test_names_stay_when_the_items_are_clustered_anew(lab, kept):
    with lab.notebook("cluster-again", [SESSION.format(path=str(kept)), CLUSTERS], height=1300) as notebook:
        notebook.run_all()
        notebook.python("[board.name(c, f'name {c}') for c in range(3)]")
        notebook.python("other = s.clustering.sela(n_clusters=4, seed=3)")
        told = notebook.python(
            "from labelnb.widgets import ClusterBoard\nagain = ClusterBoard(s, other)\n"
            "print(all(overlap >= .5 for _, overlap in again.kept_names.values()), len(again.kept_names) > 0,"
            " all(len(np.intersect1d(again.members(c), board.members(int(name[-1])))) >= len(again.members(c)) / 2"
            " for c, (name, _) in again.kept_names.items()))"
        )
        assert told == "True True True"
        assert notebook.errors == []


MAP = 'explorer = board.explore(method="pca")\nexplorer'


def draw_around(notebook, cell: int, corners) -> None:
    """Draw a lasso on the map below a cell; corners in shares of it."""
    canvas = notebook.output(cell).locator("canvas").first
    canvas.scroll_into_view_if_needed()
    notebook.picture_where(lambda picture: not is_blank(picture), "cluster-map.png", canvas)
    box = canvas.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    notebook.page.mouse.move(*places[0])
    notebook.page.mouse.down()
    for place in places[1:]:
        notebook.page.mouse.move(*place, steps=6)
    notebook.page.mouse.up()


def test_a_group_seen_on_the_map_becomes_a_class(lab, kept):
    with lab.notebook("cluster-map", [SESSION.format(path=str(kept)), CLUSTERS, MAP], height=1800) as notebook:
        notebook.run_all()
        view = notebook.output(1)
        view.locator(".lnb-cluster").first.wait_for()
        notebook.output(2).get_by_text("cluster 0").first.wait_for()
        assert view.get_by_role("button", name="Following the map").get_attribute("aria-pressed") == "true"

        # Around the left two thirds of the map: clear of the buttons at its top.
        draw_around(notebook, 2, [(.03, .97), (.66, .97), (.66, .15), (.03, .15), (.03, .95)])
        notebook.wait_python("print(0 < len(explorer.selection) < 120)", "True")
        chosen = notebook.python("print(sorted(explorer.selection.tolist()))")
        n = chosen.count(",") + 1
        marks = view.locator(".lnb-board-marks")
        marks.get_by_text(f"{n} items marked").wait_for()
        marks.scroll_into_view_if_needed()
        notebook.screenshot("cluster-map-light.png")
        marks.get_by_role("button", name="New cluster of these").click()
        notebook.wait_python("print(sorted(board.members(3).tolist()) if 3 in board.assignment else None)", chosen)
        marks.wait_for(state="hidden")

        # The new card is where the cursor is: name it, accept it; the map's colours follow.
        card = view.locator('.lnb-cluster[data-cluster="3"]')
        card.wait_for()
        card.locator("input.lnb-cluster-name").fill("seen on the map")
        press(notebook, "Enter")
        notebook.wait_python("print(s.labels.n_known, s.classes.names[-1])", f"{n} seen on the map")
        assert labels_on_disk(kept).count(3) == n
        notebook.wait_python("print('seen on the map' in [one['name'] for one in explorer.names])", "True")
        notebook.output(2).get_by_text("seen on the map").first.wait_for()

        # One step back is the label, two are the cluster; and it is all there again after a restart.
        card.focus()
        press(notebook, "u")
        notebook.wait_python("print(s.labels.n_known, 3 in board.assignment)", "0 True")
        press(notebook, "u")
        notebook.wait_python("print(3 in board.assignment)", "False")
        view.locator(".lnb-cluster").first.focus()
        press(notebook, "r", "r")
        notebook.wait_python("print(s.labels.n_known)", str(n))
        notebook.set_theme("dark")
        notebook.picture_where(lambda picture: mean_light(picture) < 110, "cluster-map-dark.png", view)
        notebook.set_theme("light")
        notebook.restart()
        notebook.run_all()
        notebook.wait_python("print(s.labels.n_known, sorted(board.members(3).tolist()))", f"{n} {chosen}")
        assert notebook.errors == []


def test_groups_fold_a_card_is_dropped_on_another_and_a_class_changes_its_name(lab, kept):
    cells = [SESSION.format(path=str(kept)), CLUSTERS.replace("n_clusters=3", "n_clusters=6")]
    with lab.notebook("cluster-groups", cells, height=1600) as notebook:
        notebook.run_all()
        view = notebook.output(1)
        view.locator(".lnb-cluster").nth(3).wait_for()
        alive = notebook.python("print(*sorted(set(board.assignment.tolist())))").split()

        # Fold the clusters into three groups, unfold one, name what it is a kind of, and unfold all.
        focus(notebook, int(alive[0]))
        notebook.python("board.level = 3")
        group = view.locator(".lnb-cluster-group").first
        group.wait_for()
        group.focus()
        press(notebook, "e")
        view.locator(".lnb-cluster-group[data-unfolded]").wait_for()
        assert view.locator(".lnb-cluster[data-within]").count() >= 2
        group.locator("input.lnb-cluster-name").fill("a kind")
        press(notebook, "Enter")
        notebook.wait_python("print(set(board.broader.values()))", "{'a kind'}")
        group.focus()
        press(notebook, "e")
        view.locator(".lnb-cluster-group[data-unfolded]").wait_for(state="detached")
        view.get_by_role("slider", name="Groups in the tree").focus()
        press(notebook, "End")
        notebook.wait_python("print(board.level)", "0")
        view.locator(".lnb-cluster-group").first.wait_for(state="detached")

        # A card is dropped on another; what it was comes back with one step.
        first, second = (view.locator(f'.lnb-cluster[data-cluster="{cluster}"]') for cluster in alive[:2])
        both = notebook.python(f"print(len(board.members({alive[0]})) + len(board.members({alive[1]})))")
        second.drag_to(first, source_position={"x": 150, "y": 10}, target_position={"x": 150, "y": 10})
        notebook.wait_python(f"print(len(board.members({alive[0]})))", both)
        second.wait_for(state="detached")

        # Accept it but for one, which is left for review; send another cluster to review as well.
        first.locator("input.lnb-cluster-name").fill("boat")
        press(notebook, "Tab")
        notebook.wait_python(f"print(board.names.get({alive[0]}))", "boat")
        first.locator(".lnb-thumb").first.click()
        press(notebook, "Shift+Enter")
        notebook.wait_python("print(len(board.to_review), s.labels.n_known)", f"1 {int(both) - 1}")
        focus(notebook, int(alive[2]))
        press(notebook, "v")
        notebook.wait_python(f"print(len(board.to_review) == 1 + len(board.members({alive[2]})))", "True")
        assert notebook.python("print(len(board.review().positions) == len(board.to_review))") == "True"

        # The cluster gets another name: it is told what would move, and the class is renamed on a word.
        first.locator("input.lnb-cluster-name").fill("ship")
        press(notebook, "Tab")
        change = view.locator(".lnb-board-change")
        change.get_by_text(f"{int(both) - 1} labels will read differently").wait_for()
        assert notebook.python("print('boat' in s.classes)") == "True"
        notebook.screenshot("cluster-change-light.png", view)
        focus(notebook, int(alive[0]))
        press(notebook, "c")
        change.get_by_role("button", name="Change the classes").click()
        notebook.wait_python("print('boat' in s.classes, 'ship' in s.classes)", "False True")
        change.wait_for(state="hidden")
        focus(notebook, int(alive[0]))
        press(notebook, "u")
        notebook.wait_python("print('boat' in s.classes, 'ship' in s.classes)", "True False")
        assert notebook.errors == []


def test_a_class_is_split_by_its_clusters_and_put_together_again(lab, kept):
    cells = [SESSION.format(path=str(kept)), CLUSTERS]
    with lab.notebook("cluster-split-class", cells, height=1600) as notebook:
        notebook.run_all()
        view = notebook.output(1)
        view.locator('.lnb-cluster[data-cluster="1"]').wait_for()
        notebook.python("s.label(np.concatenate([board.members(0), board.members(1)]), 'fruit')")
        both = int(notebook.python("print(len(board.members(0)) + len(board.members(1)))"))
        notebook.python("board.name(0, 'apples'); board.name(1, 'lorries')")

        # What would move is told before anything moves.
        focus(notebook, 0)
        press(notebook, "c")
        change = view.locator(".lnb-board-change")
        change.wait_for()
        change.get_by_label("Change", exact=True).select_option("split")
        change.get_by_label("Class", exact=True).select_option("fruit")
        change.get_by_text(f"{both} labels will read differently").wait_for()
        assert change.get_by_label("Name afterwards").is_hidden()
        assert notebook.python("print('fruit' in s.classes, 'apples' in s.classes)") == "True False"
        change.scroll_into_view_if_needed()
        notebook.screenshot("cluster-split-class-light.png", view)
        change.get_by_role("button", name="Change the classes").click()
        notebook.wait_python("print('fruit' in s.classes, 'apples' in s.classes, 'lorries' in s.classes)", "False True True")
        change.wait_for(state="hidden")
        parts = "print([int((s.labels.values == s.classes.position(name)).sum()) for name in ('apples', 'lorries')])"
        assert notebook.python(parts) == notebook.python("print([len(board.members(0)), len(board.members(1))])")
        assert labels_on_disk(kept).count(-1) == 120 - both

        # One step takes it back, one brings it again; the keyboard does it as well.
        focus(notebook, 0)
        press(notebook, "u")
        notebook.wait_python("print('fruit' in s.classes, int((s.labels.values == s.classes.position('fruit')).sum()))", f"True {both}")
        focus(notebook, 0)
        press(notebook, "c")
        change.wait_for()
        change.get_by_label("Change", exact=True).select_option("split")
        change.get_by_text(f"{both} labels will read differently").wait_for()
        change.get_by_label("Class", exact=True).focus()
        press(notebook, "Enter")
        notebook.wait_python("print('fruit' in s.classes, 'apples' in s.classes)", "False True")

        # A class whose items are in one cluster only cannot be split: the reason is said, nothing moves.
        focus(notebook, 0)
        press(notebook, "c")
        change.wait_for()
        change.get_by_label("Change", exact=True).select_option("split")
        change.get_by_label("Class", exact=True).select_option("apples")
        change.get_by_text("name the clusters that are its parts first").wait_for()
        assert change.get_by_role("button", name="Change the classes").is_disabled()
        press(notebook, "Escape")
        change.wait_for(state="hidden")
        assert notebook.errors == []
