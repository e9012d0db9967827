/** Triage: the items that deserve a look first, one large beside the queue, with the reason. Python half: labelnb/widgets/triage.py. */
import { definePanel } from "./shared/panel";
import css from "./review/review.css?inline";
import triageCss from "./triage/triage.css?inline";
import { ReviewView } from "./review/view";
import { TriagePane } from "./triage/pane";

export default definePanel("triage", css + triageCss, async (panel) => {
  panel.root.classList.add("lnb-review");
  const view = new ReviewView(panel, new TriagePane(panel));
  panel.keys(() => view.keys());
  await view.open();
});
