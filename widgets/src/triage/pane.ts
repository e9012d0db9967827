/** The item in question: large, with why it is here, what it is called now, and what it might be instead. */
import type { Pane } from "../review/view";
import { sure, words, type ReviewItem, type Shown } from "../review/answers";
import { ItemCard } from "../shared/card";
import { swatch } from "../shared/classes";
import { fill, h, setText } from "../shared/dom";
import type { Panel } from "../shared/panel";

const SIZE = 440;
const SAYS = { open: "not reviewed yet", waiting: "being saved", unsaved: "unsaved", kept: "kept" } as const;

export class TriagePane implements Pane {
  private readonly card: ItemCard;
  private readonly id = h("div", { class: "lnb-closer-id", dir: "auto" });
  private readonly reason = h("p", { class: "lnb-triage-reason", dir: "auto" });
  private readonly now = h("dl", { class: "lnb-triage-facts" });
  readonly element: HTMLElement;

  constructor(private readonly panel: Panel) {
    this.card = new ItemCard(panel.items, { size: SIZE, large: true, onItem: (item) => setText(this.id, item.id) });
    this.element = h("section", { class: "lnb-triage-pane", "aria-label": "Item in question", "aria-live": "off" }, this.reason, this.card.element, this.now, this.id);
    panel.onCleanup(() => this.card.stop());
  }

  /** Plays or pauses a recording or clip; false where the item is neither. */
  play(): boolean {
    return this.card.play();
  }

  show(item: ReviewItem | undefined, now: Shown | undefined): void {
    this.element.hidden = !item;
    if (!item || !now) return;
    const { classes } = this.panel.state;
    setText(this.reason, item.reason || "No reason is given.");
    const position = now.label?.kind === "class" ? classes.indexOf(now.label.classes[0]) : -1;
    const suggested = item.suggested >= 0 && item.suggested !== position ? classes[item.suggested] : undefined;
    fill(this.now,
      h("dt", {}, "Label"), h("dd", {}, swatch(position), h("strong", { dir: "auto" }, words(now.label, "none")), h("span", { class: "lnb-quiet" }, SAYS[now.standing])),
      suggested !== undefined && h("dt", {}, "Suggested"), suggested !== undefined && h("dd", {}, swatch(item.suggested), h("strong", { dir: "auto" }, suggested), h("span", { class: "lnb-key" }, ".")),
      item.score !== undefined && item.score !== null && h("dt", {}, "Score"), item.score !== undefined && item.score !== null && h("dd", {}, String(item.score)),
      item.confidence !== null && h("dt", {}, "Sure"), item.confidence !== null && h("dd", {}, sure(item.confidence)));
    void this.card.show(item.position, position);
  }
}
