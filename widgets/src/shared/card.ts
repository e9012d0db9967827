/** One item as a card: picture or text, the label beneath. A broken item is a card that says so. */
import { h, setText } from "./dom";
import { showText } from "./marks";
import { classColour } from "./palette";
import type { Item, ItemSource } from "./items";
import { Player } from "./player";

export interface CardOptions {
  /** Longest side of the thumbnail, CSS pixels. */
  size?: number;
  /** Tag of the card; "button" where a press does something. */
  tag?: "div" | "button";
  /** As large as there is room: with the text beside the picture, and read by scrolling. */
  large?: boolean;
  /** Told of each item that is drawn. */
  onItem?(item: Item): void;
}

/** A card for an item; `element` is placed by the caller, `show` puts another item on the same element (virtual grids). */
export class ItemCard {
  readonly element: HTMLElement;
  private readonly picture = h("div", { class: "lnb-card-picture", hidden: true });
  private readonly text = h("div", { class: "lnb-card-text", dir: "auto" });
  private readonly label = h("div", { class: "lnb-card-label", hidden: true });
  private readonly swatch = h("span", { class: "lnb-swatch", "aria-hidden": "true" });
  private readonly labelText = h("span", {});
  private position = -1;
  private item: Item | undefined;
  private player: Player | undefined;
  private code = -1;

  constructor(private readonly source: ItemSource, private readonly options: CardOptions = {}) {
    this.element = h(options.tag ?? "div", { class: options.large ? "lnb-card lnb-card-large" : "lnb-card", type: options.tag === "button" ? "button" : null }, this.picture, this.text, this.label);
    if (options.large) this.text.tabIndex = 0;
    this.label.append(this.swatch, this.labelText);
  }

  /** Shows the item at `position`, its text marked for the class at `code`; resolves when it is drawn (or replaced by a later call). */
  async show(position: number, code = this.code): Promise<void> {
    if (position === this.position) return this.speaksFor(code);
    this.position = position;
    this.code = code;
    const size = this.options.size ?? 96;
    const kept = this.source.peek(position, size);
    if (kept) return this.draw(kept);
    this.element.classList.add("lnb-waiting");
    this.picture.hidden = true;
    showText(this.text, "");
    try {
      const item = await this.source.get(position, size);
      if (this.position === position) this.draw(item);
    } catch (error) {
      if (this.position !== position) return;
      this.position = -1;
      this.problem(error instanceof Error ? error.message : String(error));
    }
  }

  /** Marks the words of a text that speak for the class at this position; -1 marks none. Only where the widget marks words at all. */
  speaksFor(code: number): void {
    this.code = code;
    if (this.item && this.item.problem === null && this.item.position === this.position) this.write(this.item);
  }

  /** The label's name and class position; null takes it away. `note` follows in small type, such as "proposed 81%". */
  setLabel(name: string | null, position = -1, note = ""): void {
    this.label.hidden = name === null;
    if (name === null) return;
    this.swatch.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    setText(this.labelText, note ? `${name} · ${note}` : name);
  }

  /** Plays or pauses a recording or clip; false where the item is neither. */
  play(): boolean {
    const can = this.item?.media !== undefined && this.item.problem === null && this.item.position === this.position;
    if (can) void this.player?.toggle();
    return can;
  }

  /** Stops what plays. */
  stop(): void {
    this.player?.stop();
  }

  private write(item: Item): void {
    showText(this.text, item.text, this.source.marks, item.position, this.code);
  }

  private draw(item: Item): void {
    this.item = item;
    this.options.onItem?.(item);
    this.element.classList.remove("lnb-waiting");
    this.text.classList.toggle("lnb-card-problem", item.problem !== null);
    if (item.problem !== null) return this.problem(item.problem);
    this.picture.hidden = item.url === null && !item.media;
    this.player?.stop();
    if (item.media) {
      this.player ??= new Player(this.source);
      this.player.show(item);
      this.picture.replaceChildren(this.player.element);
    } else if (item.url !== null) {
      const image = h("img", { src: item.url, alt: item.text || item.id, draggable: "false", decoding: "async" });
      image.addEventListener("error", () => this.problem("The picture cannot be decoded."));
      this.picture.replaceChildren(image);
    }
    const seen = item.url !== null || item.media !== undefined;
    this.text.hidden = this.options.large ? seen && (item.text === "" || item.text === item.id) : item.url !== null && !item.media;
    this.text.scrollTop = 0;
    this.write(item);
    if (!this.options.large) this.element.title = seen ? item.text || item.id : "";
  }

  private problem(message: string): void {
    this.player?.stop();
    this.element.classList.remove("lnb-waiting");
    this.picture.hidden = true;
    this.text.hidden = false;
    this.text.classList.add("lnb-card-problem");
    showText(this.text, message);
  }
}
