/** Items of a cluster as small pictures or texts that can be marked. */
import { h, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";

export class Thumb {
  readonly element: HTMLButtonElement;
  private readonly place = h("span", { class: "lnb-thumb-in", dir: "auto" });

  constructor(source: ItemSource, readonly position: number, size: number, pictures: boolean, onPress: (event: MouseEvent) => void, border = false, onEnter?: (review: boolean) => void) {
    this.element = h("button", { class: "lnb-thumb", type: "button", tabindex: -1, "aria-pressed": "false", "data-border": border ? "" : null, "data-text": pictures ? null : "",
      "aria-label": `Item ${position}`, onclick: (event: Event) => onPress(event as MouseEvent),
      onkeydown: (event: Event) => entered(event as KeyboardEvent, onEnter) }, this.place);
    this.element.classList.add("lnb-waiting");
    void source.get(position, size).then((item) => {
      this.element.classList.remove("lnb-waiting");
      this.element.setAttribute("aria-label", `${item.problem ?? (item.text || item.id)}${border ? ", borderline" : ""}`);
      this.element.title = item.problem ?? (item.text || item.id);
      if (item.url) {
        const image = h("img", { src: item.url, alt: "", draggable: "false", decoding: "async" });
        image.addEventListener("error", () => setText(this.place, "The picture cannot be decoded."));
        this.place.replaceChildren(image);
      } else {
        this.place.classList.toggle("lnb-card-problem", item.problem !== null);
        setText(this.place, item.problem ?? item.text);
      }
    }, (error) => {
      this.element.classList.remove("lnb-waiting");
      setText(this.place, error instanceof Error ? error.message : String(error));
    });
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
