/** What would flip the item in view: labels or edges without which the method would have said something else; each can be tried. */
import { fill, h } from "../shared/dom";
import { swatch } from "../shared/classes";
import type { Panel } from "../shared/panel";
import { SmallItem } from "../shared/small_item";
import type { Wish } from "./tried";

interface Flip {
  kind: string;
  /** Seeds (items, or -1 - class), or pairs that are edges. */
  nodes: (number | [number, number])[];
  becomes: string | null;
  smallest: boolean;
}

export class Flips {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "lnb-why-list" });
  private readonly button: HTMLButtonElement;
  private item = -1;

  constructor(private readonly panel: Panel, private readonly pictures: boolean, private readonly proposed: readonly string[], private readonly classes: () => readonly string[], private readonly onTry: (wishes: Wish[]) => void) {
    this.button = h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": "Shift+w", onclick: () => void this.ask() }, "What would flip it?", h("span", { class: "lnb-key", "aria-hidden": "true" }, "W"));
    this.element = h("div", { class: "lnb-flips" }, this.button, this.list);
  }

  /** Another item, or another proposal. */
  show(item: number, possible: boolean): void {
    this.item = item;
    this.element.hidden = !possible;
    this.button.hidden = false;
    fill(this.list);
  }

  async ask(): Promise<void> {
    const { item } = this;
    if (this.element.hidden || item < 0) return;
    this.button.disabled = true;
    fill(this.list, h("li", { class: "lnb-quiet", role: "status" }, "Looking for the fewest labels and edges …"));
    const fine = await this.panel.attempt(async () => {
      const { content } = await this.panel.channel.request("flips", { item });
      if (item === this.item) this.draw(content.flips as Flip[]);
    });
    this.button.disabled = false;
    if (!fine) fill(this.list);
  }

  private draw(flips: readonly Flip[]): void {
    this.button.hidden = true;
    if (!flips.length) return fill(this.list, h("li", { class: "lnb-quiet", role: "status" }, "Nothing was found: no few labels or edges decide this item."));
    fill(this.list, ...flips.slice(0, 6).map((flip) => this.row(flip)));
  }

  private row(flip: Flip): HTMLElement {
    const edges = flip.nodes.filter((node) => Array.isArray(node)) as [number, number][];
    const seeds = flip.nodes.filter((node) => !Array.isArray(node)) as number[];
    const names = edges.length ? edges.flat().filter((node) => node < 0) : seeds.filter((node) => node < 0);
    const wishes: Wish[] = edges.length ? edges.map((items) => ({ kind: "cut", items })) : seeds.map((item) => ({ kind: "label", item, value: null }));
    const shown = (edges.length ? edges.map(([a, b]) => (a === this.item ? b : a)) : seeds).slice(0, 5);
    const becomes = flip.becomes === null ? "nothing" : flip.becomes;
    const parts = shown.map((node) => this.mini(node));
    const words = `Without ${edges.length ? `${edges.length === 1 ? "the edge to" : "the edges to"}` : seeds.length === 1 ? "the label of" : "the labels of"}`;
    const button = names.length ? null : h("button", { class: "lnb-button", type: "button", "aria-label": `Try it: ${words} ${flip.nodes.length} it becomes ${becomes}`, onclick: () => this.onTry(wishes) }, "Try");
    return h("li", { class: "lnb-flip" }, h("span", { class: "lnb-quiet" }, words), ...parts, flip.nodes.length > shown.length && h("span", {}, `and ${flip.nodes.length - shown.length} more`),
      h("span", { class: "lnb-changed-words" }, h("span", { "aria-hidden": "true" }, "→"), swatch(this.classes().indexOf(becomes)), h("strong", { dir: "auto" }, becomes)), button);
  }

  private mini(node: number): HTMLElement {
    if (node < 0) return h("span", { class: "lnb-why-chip" }, swatch(this.classes().indexOf(this.proposed[-1 - node])), h("span", { dir: "auto" }, `the name ${this.proposed[-1 - node]}`));
    const picture = new SmallItem(this.panel.items, node, this.pictures ? 88 : 16);
    picture.element.classList.add("lnb-why-mini");
    picture.onText(() => { picture.element.title = picture.text; });
    return picture.element;
  }
}
