/** ClusterBoard: clusters as cards, to be named, merged, split and accepted. Python half: labelnb/widgets/cluster_board.py. */
import { definePanel } from "./shared/panel";
import css from "./clusters/board.css?inline";
import { Board } from "./clusters/board";

export default definePanel("board", css, async (panel) => {
  const board = new Board(panel);
  panel.keys(() => board.keys());
  await board.open();
});
