/** VoteMatrix: items as rows, sources as columns. Python half: labelnb/widgets/vote_matrix.py. */
import { definePanel } from "./shared/panel";
import css from "./votes/matrix.css?inline";
import { VoteView } from "./votes/view";

export default definePanel("matrix", css, async (panel) => {
  const view = new VoteView(panel);
  panel.keys(() => view.keys());
  await view.open();
});
