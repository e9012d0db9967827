/** The current item large, beside its card: the whole text, or the picture as large as Python sends it. Follows the cursor until it is closed. */
import { ItemCard } from "../shared/card";
import { h, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";

const SIZE = 440;

export class Closer {
  readonly element: HTMLElement;
  private readonly id = h("div", { class: "lnb-closer-id", dir: "auto" });
  private readonly card: ItemCard;

  constructor(source: ItemSource, onClose: () => void) {
    this.card = new ItemCard(source, { size: SIZE, large: true, onItem: (item) => setText(this.id, item.id) });
    const close = h("button", { class: "lnb-button lnb-button-plain", type: "button", "aria-label": "Close the large view", onclick: onClose }, "×");
    this.element = h("aside", { class: "lnb-closer", "aria-label": "The item, large", hidden: true }, h("div", { class: "lnb-closer-head" }, this.id, close), this.card.element);
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  hide(): void {
    this.element.hidden = true;
    this.card.stop();
  }

  /** Shows the item below its card, or above it where that is the larger room. */
  async show(position: number, card: HTMLElement, frame: HTMLElement, code = -1): Promise<void> {
    this.element.hidden = false;
    const [inner, outer] = [card.getBoundingClientRect(), frame.getBoundingClientRect()];
    const below = inner.top - outer.top < outer.height / 2;
    this.element.style.insetBlockStart = below ? `${inner.bottom - outer.top + 6}px` : "auto";
    this.element.style.insetBlockEnd = below ? "auto" : `${outer.bottom - inner.top + 6}px`;
    await this.card.show(position, code);
  }
}
