/** One item of a review: its picture or text, what it is called, and how that stands. */
import { ItemCard } from "../shared/card";
import { h, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";
import { classColour } from "../shared/palette";
import { sure as sureness, words, type ReviewItem, type Shown } from "./answers";

const MARKS = { open: "", waiting: "⋯", unsaved: "!", kept: "✓" } as const;
const SAYS = { open: "proposed", waiting: "being saved", unsaved: "unsaved", kept: "kept" } as const;

export class ReviewCard {
  readonly element: HTMLElement;
  private readonly card: ItemCard;
  private readonly swatch = h("span", { class: "lnb-swatch" });
  private readonly name = h("span", { class: "lnb-review-name", dir: "auto" });
  private readonly note = h("span", { class: "lnb-review-note" });
  private readonly mark = h("span", { class: "lnb-review-mark" });
  /** What a screen reader says of it, before the item itself: how it stands. */
  private readonly said = h("span", { class: "lnb-hidden" });
  private readonly was = h("div", { class: "lnb-review-was", hidden: true, "aria-hidden": "true" });
  private readonly reason = h("div", { class: "lnb-review-reason", hidden: true, dir: "auto" });

  /** `beneath` keeps a line for the label before or the one suggested, where the group's head does not say it. */
  constructor(source: ItemSource, size: number, pictures: boolean, private readonly beneath: boolean, private readonly none: string) {
    this.card = new ItemCard(source, { size });
    this.element = h("div", { class: "lnb-review-card", role: "option", tabindex: -1, "aria-selected": "false", "data-pictures": pictures ? "" : null },
      this.said, this.card.element,
      h("div", { class: "lnb-review-label", "aria-hidden": "true" }, this.swatch, this.name, this.note, this.mark),
      this.was, this.reason);
  }

  /** Puts an item on the card; its picture or text follows by itself. */
  show(item: ReviewItem): void {
    void this.card.show(item.position);
    this.reason.hidden = item.reason === "";
    setText(this.reason, item.reason);
    this.reason.title = item.reason;
  }

  play(): boolean {
    return this.card.play();
  }

  /** Draws how the item stands. */
  update(item: ReviewItem, now: Shown, classes: readonly string[], place: string): void {
    const label = now.label;
    const position = label?.kind === "class" ? classes.indexOf(label.classes[0]) : -1;
    this.card.speaksFor(position);
    this.element.dataset.standing = now.standing;
    this.element.dataset.kind = label?.kind ?? "none";
    this.swatch.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    this.element.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    const shown = words(label, this.none);
    setText(this.name, shown);
    this.name.title = shown;
    const suggested = item.suggested >= 0 && item.suggested < classes.length && item.suggested !== position ? classes[item.suggested] : "";
    const sure = now.standing === "open" && item.confidence !== null ? sureness(item.confidence) : "";
    setText(this.note, sure);
    this.note.hidden = sure === "";
    this.mark.hidden = now.standing === "open";
    setText(this.mark, MARKS[now.standing]);
    const filled = item.filled >= 0 ? classes[item.filled] : "";
    const changed = now.standing !== "open" && filled !== "" && words(label) !== filled;
    this.was.hidden = !this.beneath;
    // The line is never empty, so that a decision moves nothing on the page.
    this.was.replaceChildren(...(changed ? ["was ", h("bdi", {}, filled)] : suggested && now.standing === "open" ? [h("span", { class: "lnb-key" }, "."), " ", h("bdi", {}, suggested), "?"] : ["\u00a0"]));
    setText(this.said, `${place}: ${shown}, ${SAYS[now.standing]}${sure ? `, ${sure} sure` : ""}${changed ? `, was ${filled}` : ""}${suggested && now.standing === "open" ? `, suggested: ${suggested}` : ""}. `);
  }

  select(selected: boolean, current: boolean): void {
    this.element.setAttribute("aria-selected", String(selected));
    this.element.toggleAttribute("data-current", current);
    this.element.tabIndex = current ? 0 : -1;
  }
}
