/** The current item large, beside its card: the whole text, or the picture as large as Python sends it. Follows the cursor until it is closed. */
import { fill, h, setText } from "../shared/dom";
import { showText } from "../shared/marks";
import type { ItemSource } from "../shared/items";
import { Player } from "../shared/player";

const SIZE = 440;

export class Closer {
  readonly element: HTMLElement;
  private readonly picture = h("div", { class: "lnb-closer-picture" });
  private readonly text = h("div", { class: "lnb-closer-text", dir: "auto", tabindex: 0 });
  private readonly id = h("div", { class: "lnb-closer-id", dir: "auto" });
  private position = -1;
  private readonly player: Player;

  constructor(private readonly source: ItemSource, onClose: () => void) {
    this.player = new Player(source);
    const close = h("button", { class: "lnb-button lnb-button-plain", type: "button", "aria-label": "Close the large view", onclick: onClose }, "×");
    this.element = h("aside", { class: "lnb-closer", "aria-label": "The item, large", hidden: true }, h("div", { class: "lnb-closer-head" }, this.id, close), this.picture, this.text);
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  hide(): void {
    this.element.hidden = true;
    this.player.stop();
    this.position = -1;
  }

  /** Shows the item below its card, or above it where that is the larger room. */
  async show(position: number, card: HTMLElement, frame: HTMLElement, code = -1): Promise<void> {
    this.element.hidden = false;
    const [inner, outer] = [card.getBoundingClientRect(), frame.getBoundingClientRect()];
    const below = inner.top - outer.top < outer.height / 2;
    this.element.style.insetBlockStart = below ? `${inner.bottom - outer.top + 6}px` : "auto";
    this.element.style.insetBlockEnd = below ? "auto" : `${outer.bottom - inner.top + 6}px`;
    if (position === this.position) return;
    this.position = position;
    const item = await this.source.get(position, SIZE);
    if (this.position !== position) return;
    setText(this.id, item.id);
    this.picture.hidden = item.url === null;
    if (item.media) {
      this.picture.hidden = false;
      this.player.show(item);
      fill(this.picture, this.player.element);
    } else if (item.url) fill(this.picture, h("img", { src: item.url, alt: item.text || item.id, draggable: "false" }));
    const text = item.problem ?? item.text;
    this.text.hidden = text === "" || text === item.id;
    this.text.classList.toggle("lnb-card-problem", item.problem !== null);
    showText(this.text, text, item.problem === null ? this.source.marks : undefined, position, code);
    this.text.scrollTop = 0;
  }
}
