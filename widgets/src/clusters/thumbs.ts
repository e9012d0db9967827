/** Items of a cluster as small pictures or texts that can be marked. */
import { h } from "../shared/dom";
import type { ItemSource } from "../shared/items";
import { SmallItem } from "../shared/small_item";

export class Thumb {
  readonly element: HTMLButtonElement;
  private readonly item: SmallItem;

  constructor(source: ItemSource, readonly position: number, size: number, pictures: boolean, onPress: (event: MouseEvent) => void, border = false, onEnter?: (review: boolean) => void) {
    this.item = new SmallItem(source, position, size);
    this.element = h("button", { class: "lnb-thumb", type: "button", tabindex: -1, "aria-pressed": "false", "data-border": border ? "" : null, "data-text": pictures ? null : "",
      "aria-label": `Item ${position}`, onclick: (event: Event) => onPress(event as MouseEvent),
      onkeydown: (event: Event) => entered(event as KeyboardEvent, onEnter) }, this.item.element);
    this.item.onText(() => {
      this.element.setAttribute("aria-label", `${this.item.text}${border ? ", borderline" : ""}`);
      this.element.title = this.item.text;
    });
  }

  /** Marks the words that are typical of the cluster with this number. */
  speaksFor(cluster: number): this {
    this.item.speaksFor(cluster);
    return this;
  }

  mark(marked: boolean): void {
    this.element.setAttribute("aria-pressed", String(marked));
  }
}

/** Space marks, as on any button; enter is the card's. */
function entered(event: KeyboardEvent, onEnter?: (review: boolean) => void): void {
  if (event.key !== "Enter" || !onEnter || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  onEnter(event.shiftKey);
}
