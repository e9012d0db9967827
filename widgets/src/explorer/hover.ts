/** The card beside the pointer: what the point under it is. */
import { ItemCard } from "../shared/card";
import { h, percent, setText } from "../shared/dom";
import type { Panel } from "../shared/panel";

const WAIT = 60;

export class HoverCard {
  readonly element: HTMLElement;
  private readonly card: ItemCard;
  private readonly id = h("div", { class: "lnb-hover-id", dir: "auto" });
  private readonly proposal = h("div", { class: "lnb-quiet", dir: "auto" });
  private position = -1;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly panel: Panel) {
    this.card = new ItemCard(panel.items, { size: 148 });
    this.element = h("div", { class: "lnb-hover", hidden: true, "aria-hidden": "true" }, this.card.element, this.id, this.proposal);
  }

  /** Shows the card of a point at a place of the map (pixels), or hides it for -1. */
  show(position: number, x: number, y: number, width: number, height: number): void {
    if (position < 0) return this.hide();
    if (position !== this.position) {
      this.position = position;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.fill(position), WAIT);
    }
    const right = x > width / 2, low = y > height / 2;
    this.element.style.insetInlineStart = "0";
    this.element.style.transform = `translate(${x + (right ? -14 : 14)}px, ${y + (low ? -10 : 10)}px) translate(${right ? "-100%" : "0"}, ${low ? "-100%" : "0"})`;
  }

  hide(): void {
    this.position = -1;
    clearTimeout(this.timer);
    this.element.hidden = true;
  }

  private async fill(position: number): Promise<void> {
    try {
      const [{ content }] = await Promise.all([this.panel.channel.request("details", { position }), this.card.show(position)]);
      if (this.position !== position) return;
      setText(this.id, content.item);
      this.card.setLabel(content.label ?? "no label", content.label_position);
      setText(this.proposal, content.proposal === null ? "" : `proposed ${content.proposal}, ${percent(content.confidence)}`);
      this.proposal.hidden = content.proposal === null;
      this.element.hidden = false;
    } catch (error) {
      this.hide();
      if (!this.panel.closed) this.panel.toasts.error(error);
    }
  }
}
