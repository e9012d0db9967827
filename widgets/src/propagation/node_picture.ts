/** The picture or the text of an item, small, wherever it is drawn. */
import { h, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";

export class NodePicture {
  readonly element = h("span", { class: "lnb-picture lnb-waiting", dir: "auto" });
  /** The item's own text, once it is known. */
  text = "";
  private told: () => void = () => undefined;

  constructor(source: ItemSource, position: number, size: number) {
    void source.get(position, size).then((item) => {
      this.element.classList.remove("lnb-waiting");
      this.text = item.problem ?? (item.text && item.text !== "image" ? item.text : item.id);
      if (item.url) {
        const image = h("img", { src: item.url, alt: "", draggable: "false", decoding: "async" });
        image.addEventListener("error", () => setText(this.element, "The picture cannot be decoded."));
        this.element.replaceChildren(image);
      } else {
        this.element.classList.toggle("lnb-card-problem", item.problem !== null);
        setText(this.element, this.text.slice(0, 300));
      }
      this.told();
    }, (error) => {
      this.element.classList.remove("lnb-waiting");
      setText(this.element, error instanceof Error ? error.message : String(error));
    });
  }

  /** Calls back when `text` is known. */
  onText(callback: () => void): void {
    this.told = callback;
    if (this.text) callback();
  }
}
