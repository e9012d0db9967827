/** The drawing of an ego graph: lines in SVG beneath, nodes as buttons above, so that they can hold pictures and be reached by key. */
import { h } from "../shared/dom";
import type { ItemSource } from "../shared/items";
import { classColour } from "../shared/palette";
import { SmallItem } from "../shared/small_item";
import { sure, words, type Shown } from "../review/answers";
import { classOf, edgeWidth, type Ego, type EgoNode, type Standing } from "./ego";
import { NARROW_TEXTS, PICTURES, place, SMALL, TEXTS, towards, type Placed } from "./layout";
import { NOTHING, standing as triedOf, type Tried } from "./tried";

const SVG = "http://www.w3.org/2000/svg";

export class Drawing {
  readonly element: HTMLElement;
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly nodes = new Map<number, { element: HTMLButtonElement; picture: SmallItem | null }>();
  private ego: Ego | null = null;
  private placed: Placed[] = [];
  private cursor = 0;
  private classes: readonly string[] = [];
  private trying: Tried = NOTHING;

  constructor(private readonly source: ItemSource, private readonly pictures: boolean, private readonly proposed: readonly string[], private readonly onPick: (item: number) => void, private readonly standing: (item: Standing) => Shown, private readonly onCursor: (item: EgoNode, node: EgoNode, weight: number | null) => void) {
    this.svg.setAttribute("class", "lnb-graph-lines");
    this.svg.setAttribute("aria-hidden", "true");
    this.element = h("div", { class: "lnb-graph", role: "group", "aria-label": "The item and its neighbours" });
    this.element.append(this.svg);
    this.element.addEventListener("focusin", (event) => {
      const at = this.ego?.nodes.findIndex(({ node }) => this.nodes.get(node)?.element === event.target) ?? -1;
      if (at >= 0) this.setCursor(at);
    });
  }

  /** Most neighbours and nodes that fit. */
  get room(): { neighbours: number; most: number } {
    const narrow = this.element.clientWidth < 460;
    const crowded = !this.pictures || narrow;
    return { neighbours: narrow ? 6 : crowded ? 9 : 12, most: narrow ? 14 : crowded ? 20 : 30 };
  }

  show(ego: Ego, classes: readonly string[]): void {
    const other = this.ego?.item !== ego.item;
    this.ego = ego;
    this.classes = classes;
    const wanted = new Set(ego.nodes.map(({ node }) => node));
    for (const [node, { element }] of this.nodes) {
      if (wanted.has(node)) continue;
      element.remove();
      this.nodes.delete(node);
    }
    for (const node of ego.nodes) this.drawNode(node);
    if (other) this.cursor = 0;
    this.layOut();
    this.setCursor(Math.min(this.cursor, ego.nodes.length - 1));
  }

  /** Labels changed. */
  update(nodes: readonly EgoNode[], classes: readonly string[]): void {
    this.classes = classes;
    for (const node of nodes) this.drawNode(node);
    this.drawLines();
  }

  /** Places everything anew, such as after a change of size. */
  layOut(): void {
    const { ego } = this;
    const box = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (!ego || box.width < 40) return;
    const item = ego.nodes.find(({ ring }) => ring === 0);
    const first = item ? classOf(item, this.proposed, this.classes) : -1;
    const sizes = this.pictures ? (box.width < 460 ? SMALL : PICTURES) : box.width < 560 ? NARROW_TEXTS : TEXTS;
    this.placed = place(ego.nodes.map((node) => ({ node: node.node, ring: node.ring, cls: node.node < 0 ? -1 - node.node : this.inProposal(node), name: node.node < 0 ? this.proposed[-1 - node.node] : "" })), box, sizes, this.toProposal(first));
    this.element.classList.toggle("lnb-graph-texts", !this.pictures);
    ego.nodes.forEach(({ node }, i) => {
      const { x, y, width, height } = this.placed[i];
      Object.assign(this.nodes.get(node)!.element.style, { left: `${x - width / 2}px`, top: `${y - height / 2}px`, width: `${width}px`, height: `${height}px` });
    });
    this.drawLines();
  }

  /** Shows one path and lets the rest fade; -1 shows all alike. */
  highlight(path: number): void {
    const nodes = new Set(path >= 0 ? this.ego?.paths[path]?.nodes : []);
    this.element.toggleAttribute("data-path", path >= 0);
    for (const [node, { element }] of this.nodes) element.toggleAttribute("data-on", nodes.has(node));
    const pairs = path >= 0 ? (this.ego?.paths[path]?.nodes ?? []) : [];
    for (const line of this.svg.children) {
      const [from, to] = [Number((line as SVGElement).dataset.from), Number((line as SVGElement).dataset.to)];
      line.toggleAttribute("data-on", pairs.some((node, i) => i > 0 && ((node === from && pairs[i - 1] === to) || (node === to && pairs[i - 1] === from))));
    }
  }

  /** Edges that are tried cut are dashed, others thin or new; see the css. */
  tried(tried: Tried): void {
    this.trying = tried;
    this.drawLines();
  }

  /** Colours of a round of the propagation; null shows the items as they stand. */
  play(classAt: ((item: number) => number | undefined) | null): void {
    for (const [node, { element }] of this.nodes) {
      if (node < 0) continue;
      const shown = classAt?.(node);
      const stands = this.ego?.nodes.find((one) => one.node === node);
      const position = shown ?? (stands ? classOf(stands, this.proposed, this.classes) : -1);
      element.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    }
    this.element.toggleAttribute("data-playing", classAt !== null);
  }

  private lineOf(a: number, b: number): Element | undefined {
    return [...this.svg.children].find((line) => {
      const [from, to] = [Number((line as SVGElement).dataset.from), Number((line as SVGElement).dataset.to)];
      return (from === a && to === b) || (from === b && to === a);
    });
  }

  /** Moves the cursor to the node in that direction. */
  arrow(key: string): void {
    const to = key === "Home" ? 0 : towards(this.placed, this.cursor, key);
    if (to < 0 || !this.ego) return;
    this.setCursor(to);
    this.focus();
  }

  focus(): void {
    const node = this.ego?.nodes[this.cursor];
    if (node) this.nodes.get(node.node)?.element.focus({ preventScroll: true });
  }

  private setCursor(at: number): void {
    this.cursor = at;
    this.ego?.nodes.forEach(({ node }, i) => {
      const { element } = this.nodes.get(node)!;
      element.tabIndex = i === at ? 0 : -1;
      element.toggleAttribute("data-cursor", i === at);
    });
    const [item, node] = [this.ego?.nodes[0], this.ego?.nodes[at]];
    if (!item || !node) return;
    const edge = this.ego!.edges.find(({ from, to }) => (from === item.node && to === node.node) || (from === node.node && to === item.node));
    for (const line of this.svg.children) line.toggleAttribute("data-cursor", line === this.lineOf(item.node, node.node));
    this.onCursor(item, node, edge ? edge.weight : null);
  }

  /** Class of the proposal in whose sector an item stands. */
  private inProposal(node: EgoNode): number {
    return this.toProposal(classOf(node, this.proposed, this.classes));
  }

  private toProposal(position: number): number {
    return position < 0 ? -1 : this.proposed.indexOf(this.classes[position]);
  }

  private drawNode(node: EgoNode): void {
    let made = this.nodes.get(node.node);
    if (!made) {
      const element = h("button", { class: "lnb-node", type: "button", tabindex: -1, onclick: () => { if (node.node >= 0) this.onPick(node.node); } });
      const picture = node.node >= 0 ? new SmallItem(this.source, node.node, this.pictures ? 88 : 16) : null;
      if (picture) element.append(picture.element);
      made = { element, picture };
      this.nodes.set(node.node, made);
      this.element.append(element);
      picture?.onText(() => this.describe(this.ego?.nodes.find((one) => one.node === node.node) ?? node, made!.element));
    }
    const { element } = made;
    const position = classOf(node, this.proposed, this.classes);
    element.style.setProperty("--lnb-colour", position >= 0 ? classColour(position) : "var(--lnb-neutral)");
    made.picture?.speaksFor(position);
    element.dataset.ring = String(node.ring);
    element.dataset.kind = node.node < 0 ? "class" : "item";
    element.toggleAttribute("data-seed", node.seed === true);
    element.toggleAttribute("data-known", node.label !== null && node.label !== undefined);
    if (node.node < 0) element.replaceChildren(h("span", { class: "lnb-swatch" }), h("span", { class: "lnb-node-name", dir: "auto" }, this.proposed[-1 - node.node]));
    this.describe(node, element);
  }

  private describe(node: EgoNode, element: HTMLElement): void {
    if (node.node < 0) {
      element.setAttribute("aria-label", `Class ${this.proposed[-1 - node.node]}`);
      element.title = this.proposed[-1 - node.node];
      return;
    }
    const now = this.standing(node as Standing);
    const confidence = now.standing === "open" && !node.label && node.confidence !== null && node.confidence !== undefined ? ` ${sure(node.confidence)}` : "";
    const says = `${words(now.label)}${node.label ? "" : confidence ? `, proposed${confidence}` : ""}${node.seed ? ", a seed" : ""}`;
    const text = this.nodes.get(node.node)?.picture?.text ?? "";
    element.setAttribute("aria-label", `${node.ring === 0 ? "The item: " : ""}${says}${text ? `. ${text}` : ""}`);
    element.title = text ? `${text}\n${says}` : says;
  }

  private drawLines(): void {
    const { ego } = this;
    if (!ego || !this.placed.length) return;
    const at = new Map(ego.nodes.map(({ node }, i) => [node, this.placed[i]]));
    const largest = Math.max(0, ...ego.edges.map(({ weight }) => Math.abs(weight)));
    const ordered = [...ego.edges].sort((a, b) => Number(a.path !== null) - Number(b.path !== null));
    this.svg.replaceChildren(...ordered.map((edge) => {
      const line = document.createElementNS(SVG, "line");
      const [from, to] = [at.get(edge.from)!, at.get(edge.to)!];
      for (const [name, value] of Object.entries({ x1: from.x, y1: from.y, x2: to.x, y2: to.y, "stroke-width": edgeWidth(edge.weight, largest).toFixed(2) })) line.setAttribute(name, String(value));
      line.dataset.from = String(edge.from);
      line.dataset.to = String(edge.to);
      // Every item may have an edge to a class: these lie behind.
      if (edge.from !== ego.item && edge.to !== ego.item) line.dataset.behind = edge.from < 0 || edge.to < 0 ? "far" : "near";
      const now = edge.from >= 0 && edge.to >= 0 ? triedOf(this.trying, [edge.from, edge.to]) ?? triedOf(this.trying, [edge.from]) ?? triedOf(this.trying, [edge.to]) : null;
      if (now) line.dataset.tried = now;
      // A click on an edge of the item puts the cursor on its other end.
      const other = edge.from === ego.item ? edge.to : edge.to === ego.item ? edge.from : null;
      if (other !== null && other >= 0) {
        line.dataset.own = "";
        line.addEventListener("click", () => { this.setCursor(ego.nodes.findIndex(({ node }) => node === other)); this.focus(); });
      }
      if (edge.path !== null) {
        const start = ego.nodes.find(({ node }) => node === ego.paths[edge.path!]?.nodes[0]);
        const position = start ? classOf(start, this.proposed, this.classes) : -1;
        line.style.stroke = position >= 0 ? classColour(position) : "";
        line.dataset.path = String(edge.path);
      }
      return line;
    }));
  }
}
