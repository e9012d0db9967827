/** ReviewGrid: pre-filled pages, wrong ones corrected by key, the page accepted with Enter. Python half: labelnb/widgets/review_grid.py. */
import { definePanel } from "./shared/panel";
import css from "./review/review.css?inline";
import { ReviewView } from "./review/view";

export default definePanel("review", css, async (panel) => {
  const view = new ReviewView(panel);
  panel.keys(() => view.keys());
  await view.open();
});
