/** Why the item has its class: the share of each class and of each seed, and the strongest paths, in words and bars. */
import { count, fill, h, setText } from "../shared/dom";
import type { ItemSource } from "../shared/items";
import { classColour } from "../shared/palette";
import { swatch } from "../shared/classes";
import { showText } from "../shared/marks";
import { SmallItem } from "../shared/small_item";
import { sure, words, type Shown } from "../review/answers";
import { shareWords, type Ego, type Share } from "./ego";

const SAYS = { open: "proposed", waiting: "being saved", unsaved: "unsaved", kept: "✓ kept" } as const;

export class Why {
  readonly element: HTMLElement;
  private readonly id = h("div", { class: "lnb-why-id", dir: "auto" });
  private readonly label = h("div", { class: "lnb-why-label" });
  private readonly stack = h("div", { class: "lnb-why-stack", role: "img" });
  private readonly shares = h("ul", { class: "lnb-why-list", "aria-label": "Where the label comes from" });
  private readonly paths = h("ul", { class: "lnb-why-list", "aria-label": "Strongest paths" });
  private readonly pathsHead = h("div", { class: "lnb-caps" }, "Strongest paths");
  private readonly note = h("p", { class: "lnb-quiet lnb-why-note" });

  constructor(private readonly source: ItemSource, private readonly pictures: boolean, private readonly proposed: readonly string[], private readonly onPick: (item: number) => void, private readonly onPath: (path: number) => void) {
    this.element = h("section", { class: "lnb-why", "aria-label": "Why this label" },
      h("div", {}, this.id, this.label), h("div", { class: "lnb-caps" }, "Where it comes from"), this.stack, this.shares, this.pathsHead, this.paths, this.note);
  }

  show(ego: Ego, classes: readonly string[], hasGraph: boolean): void {
    setText(this.id, ego.name);
    const colour = (name: string) => (classes.indexOf(name) >= 0 ? classColour(classes.indexOf(name)) : "var(--lnb-neutral)");
    fill(this.stack, ...ego.totals.map(([name, share]) => h("span", { style: `flex:${Math.max(share, 0.001)};background:${colour(name)}`, title: `${name} ${shareWords(share)}` })));
    this.stack.setAttribute("aria-label", ego.totals.map(([name, share]) => `${name} ${shareWords(share)}`).join(", "));
    const largest = Math.max(...ego.rows.map(({ share }) => share), 1e-9);
    fill(this.shares, ...ego.rows.map((row) => this.shareRow(row, largest, colour(row.class), classes)));
    if (!ego.rows.length) fill(this.shares, h("li", { class: "lnb-quiet" }, "Nothing that is labelled reaches this item: the method abstains."));
    fill(this.paths, ...ego.paths.map((path, i) => this.pathRow(path.nodes, path.weight, i, classes)));
    this.pathsHead.hidden = this.paths.hidden = ego.paths.length === 0;
    const drawn = new Set(ego.edges.flatMap(({ from, to }) => (from === ego.item ? [to] : to === ego.item ? [from] : []))).size;
    setText(this.note, !hasGraph ? "This proposal holds no graph; the classes' own scores are shown."
      : `${drawn < ego.degree ? `${drawn} of ${count(ego.degree, "edge")}` : `All ${count(ego.degree, "edge")}`} of the item drawn.${ego.n_rows > ego.rows.length ? ` ${ego.n_rows - ego.rows.length} smaller shares are not listed.` : ""}`);
  }

  standing(ego: Ego, now: Shown, classes: readonly string[]): void {
    const position = now.label?.kind === "class" ? classes.indexOf(now.label.classes[0]) : -1;
    this.label.dataset.standing = now.standing;
    const differs = now.standing !== "open" && ego.label !== null && words(now.label) !== ego.label;
    const note = now.standing === "open" ? (ego.label === null ? "" : `${SAYS.open}, ${sure(ego.confidence)} sure`) : SAYS[now.standing];
    fill(this.label, swatch(position), h("strong", { dir: "auto" }, words(now.label)), h("span", { class: "lnb-why-standing" }, note),
      differs && h("span", { class: "lnb-quiet" }, "proposed: ", h("bdi", {}, ego.label)));
  }

  private shareRow(row: Share, largest: number, colour: string, classes: readonly string[]): HTMLElement {
    const item = row.node !== null && row.node >= 0 && row.kind !== "class";
    const bar = h("span", { class: "lnb-why-bar" }, h("span", { style: `width:${(100 * row.share) / largest}%;background:${colour}` }));
    const name = h("span", { class: "lnb-why-name", dir: "auto" }, item && !this.pictures ? "" : row.name);
    const parts = [item ? this.mini(row.node!, name, colour, classes.indexOf(row.class)) : h("span", { class: "lnb-swatch", style: `--lnb-colour:${colour}` }), name, h("span", { class: "lnb-number" }, shareWords(row.share)), bar];
    if (!item) return h("li", { class: "lnb-why-row", title: row.kind === "class" ? `the class “${row.name}” itself` : row.name }, ...parts);
    return h("li", {}, h("button", { class: "lnb-why-row", type: "button", onclick: () => this.onPick(row.node!) }, h("span", { class: "lnb-hidden" }, `Look at ${row.name}, ${row.class}: `), ...parts));
  }

  private pathRow(nodes: readonly number[], weight: number, index: number, classes: readonly string[]): HTMLElement {
    const parts = nodes.flatMap((node, i) => {
      const drawn = node >= 0 ? this.mini(node) : this.chip(this.proposed[-1 - node], classes);
      return i ? [h("span", { class: "lnb-why-arrow", "aria-hidden": "true" }, "›"), drawn] : [drawn];
    });
    const says = nodes.map((node) => (node < 0 ? this.proposed[-1 - node] : `item ${node}`)).join(", then ");
    // Texts are read as they stand; of pictures it is said which they are.
    const label = this.pictures ? { "aria-label": `Path: ${says}` } : {};
    const on = () => this.onPath(index);
    const off = () => this.onPath(-1);
    return h("li", {}, h("button", { class: "lnb-why-path", type: "button", title: `weight ${weight.toPrecision(2)}`, ...label, onmouseenter: on, onmouseleave: off, onfocus: on, onblur: off }, ...parts));
  }

  private chip(name: string, classes: readonly string[]): HTMLElement {
    return h("span", { class: "lnb-why-chip" }, swatch(classes.indexOf(name)), h("span", { dir: "auto" }, name));
  }

  /** A small picture; texts are put into `beside` where there is one. */
  private mini(position: number, beside?: HTMLElement, colour = "", code = -1): HTMLElement {
    const picture = new SmallItem(this.source, position, this.pictures ? 88 : 16);
    if (this.pictures || !beside) {
      picture.element.classList.add("lnb-why-mini");
      picture.onText(() => { picture.element.title = picture.text; if (beside) setText(beside, picture.text); });
      return picture.element;
    }
    picture.onText(() => showText(beside, picture.text, this.source.marks, position, code));
    return h("span", { class: "lnb-swatch", style: `--lnb-colour:${colour}` });
  }
}
