/** An item in little: its picture, or its text with what speaks for its class, or why it cannot be shown. What is pressed or placed is around it. */
import { h } from "./dom";
import type { Item, ItemSource } from "./items";
import { showText } from "./marks";

/** Signs of a text that a small place can hold at most. */
const MOST = 300;

export class SmallItem {
  readonly element: HTMLElement;
  /** What the item says or is called, once it is known. */
  text = "";
  private item: Item | undefined;
  private code = -1;
  private told: () => void = () => undefined;

  constructor(private readonly source: ItemSource, position: number, size: number, kind = "lnb-small") {
    this.element = h("span", { class: `${kind} lnb-waiting`, dir: "auto" });
    void source.get(position, size).then((item) => this.draw(item), (error) => this.trouble(error instanceof Error ? error.message : String(error)));
  }

  /** Calls back when `text` is known. */
  onText(callback: () => void): void {
    this.told = callback;
    if (this.text) callback();
  }

  /** Marks the words of a text that speak for the class at this position; -1 marks none. */
  speaksFor(code: number): void {
    this.code = code;
    if (this.item && !this.item.problem && !this.item.url && !this.item.media) this.write(this.item);
  }

  private draw(item: Item): void {
    this.item = item;
    this.text = item.problem ?? (item.text || item.id);
    this.element.classList.remove("lnb-waiting");
    if (item.problem) this.trouble(item.problem);
    else if (item.media) {
      this.element.dataset.media = item.media.kind;
      this.element.replaceChildren(...(item.url ? [h("img", { src: item.url, alt: "", draggable: "false" })] : []), h("span", {}, this.text));
    }
    else if (item.url) {
      const image = h("img", { src: item.url, alt: "", draggable: "false", decoding: "async" });
      image.addEventListener("error", () => this.trouble("The picture cannot be decoded."));
      this.element.replaceChildren(image);
    } else this.write(item);
    this.told();
  }

  private write({ position }: Item): void {
    showText(this.element, this.text.slice(0, MOST), this.source.marks, position, this.code);
  }

  private trouble(message: string): void {
    this.element.classList.remove("lnb-waiting");
    this.element.classList.add("lnb-card-problem");
    showText(this.element, message);
  }
}
