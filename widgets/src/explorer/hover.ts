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
  private at: [number, number, number, number] = [0, 0, 1, 1];
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
    this.at = [x, y, width, height];
    this.place();
  }

  /** Reads anew what is known of the item, where one is shown. */
  refresh(): void {
    if (!this.element.hidden && this.position >= 0) void this.fill(this.position);
  }

  hide(): void {
    this.position = -1;
    clearTimeout(this.timer);
    this.element.hidden = true;
  }

  /** Beside the pointer, on the side with more room, and inside the map where it fits. */
  private place(): void {
    const [x, y, width, height] = this.at;
    const { offsetWidth, offsetHeight } = this.element;
    const inside = (value: number, size: number, room: number) => Math.max(4, Math.min(value, room - size - 4));
    const left = inside(x > width / 2 ? x - 14 - offsetWidth : x + 14, offsetWidth, width);
    const top = inside(y > height / 2 ? y - 10 - offsetHeight : y + 10, offsetHeight, height);
    this.element.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
  }

  private async fill(position: number): Promise<void> {
    try {
      const [{ content }] = await Promise.all([this.panel.channel.request("details", { position }), this.card.show(position)]);
      if (this.position !== position) return;
      setText(this.id, content.item);
      this.card.setLabel(content.label ?? "no label", content.label_position);
      this.card.speaksFor(content.label_position);
      setText(this.proposal, content.proposal === null ? "" : `proposed ${content.proposal}, ${percent(content.confidence)}`);
      this.proposal.hidden = content.proposal === null;
      this.element.hidden = false;
      this.place();
    } catch (error) {
      this.hide();
      if (!this.panel.closed) this.panel.toasts.error(error);
    }
  }
}
