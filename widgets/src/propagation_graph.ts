/** PropagationGraph: where an item's label comes from, and what it should be. Python half: labelnb/widgets/propagation_graph.py. */
import { definePanel } from "./shared/panel";
import css from "./propagation/propagation.css?inline";
import { GraphView } from "./propagation/view";

export default definePanel("propagation", css, async (panel) => {
  panel.root.classList.toggle("lnb-graph-only-texts", panel.state.modality !== "image");
  const view = new GraphView(panel);
  panel.keys(() => view.keys());
  await view.open();
});
