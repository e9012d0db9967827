/** All items of one cluster, most or least typical first, and a small map of them: to be marked, split off, or split up at once. */
import { array } from "../shared/channel";
import { count, fill, h, number } from "../shared/dom";
import type { Panel } from "../shared/panel";
import { between, move } from "../shared/moves";
import { SmallMap } from "./small_map";
import { Thumb } from "./thumbs";

const STEP = 96;
const SIZE = 64;
const PARTS = [2, 3, 4, 5, 6, 8, 10];

export class OpenedCluster {
  private positions: number[] = [];
  private thumbs: Thumb[] = [];
  private cursor = 0;
  private anchor = 0;
  private reversed = false;
  private map: SmallMap | null = null;
  private readonly grid = h("div", { class: "lnb-cluster-all", role: "group", "aria-label": "All items" });
  private readonly aside = h("div", { class: "lnb-cluster-aside", hidden: true });
  private readonly more: HTMLButtonElement;
  private readonly turn: HTMLButtonElement;

  constructor(private readonly panel: Panel, readonly cluster: number, place: HTMLElement, private readonly marked: Set<number>, private readonly onMark: () => void, splitUp: (k: number | null) => void, private readonly accept: (review: boolean) => void) {
    this.more = h("button", { class: "lnb-button", type: "button", hidden: true, onclick: () => this.grow() }, "Show more");
    this.turn = h("button", { class: "lnb-button", type: "button", "aria-pressed": "false", onclick: () => this.flip() }, "Least typical first");
    const parts = h("select", { class: "lnb-select", "aria-label": "Number of parts" }, h("option", { value: "" }, "as many as there are"), ...PARTS.map((k) => h("option", { value: k }, `${k} parts`)));
    const split = panel.config.foldable && h("div", { class: "lnb-cluster-row" }, h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": "k", onclick: () => splitUp(parts.value ? Number(parts.value) : null) },
      "Split up", h("span", { class: "lnb-key", "aria-hidden": "true" }, "k")), parts);
    fill(place, h("div", { class: "lnb-cluster-row" }, h("span", { class: "lnb-caps" }, `Cluster ${cluster}`), this.turn, split,
      h("span", { class: "lnb-quiet lnb-cluster-hint" }, "Press to mark; shift marks all between. s splits the marked off, x takes them out, enter accepts the rest.")),
      h("div", { class: "lnb-cluster-inside" }, this.grid, this.aside), this.more);
  }

  async load(): Promise<void> {
    const { buffers } = await this.panel.channel.request("members", { cluster: this.cluster });
    this.positions = Array.from(array(Uint32Array, buffers[0]));
    if (this.reversed) this.positions.reverse();
    this.draw();
    if (!this.panel.config.foldable) return;
    const { buffers: places } = await this.panel.channel.request("map", { cluster: this.cluster });
    this.map = new SmallMap(array(Uint32Array, places[0]), array(Uint16Array, places[1]), this.marked, (positions, add) => this.lassoed(positions, add));
    fill(this.aside, this.map.element);
    this.aside.hidden = false;
    this.map.draw();
  }

  /** Moves the cursor; false where the key is not for here. */
  arrow(key: string, extend: boolean): void {
    const rects = this.thumbs.map(({ element }) => ({ left: element.offsetLeft, top: element.offsetTop, width: element.offsetWidth, height: element.offsetHeight }));
    if (!rects.length) return;
    const to = move(rects, this.cursor, key, getComputedStyle(this.grid).direction === "rtl");
    if (to < 0) return;
    if (extend) {
      if (this.cursor === this.anchor) this.marked.add(this.positions[this.anchor]);
      for (const i of between(this.anchor, to)) this.marked.add(this.positions[i]);
    } else this.anchor = to;
    this.cursor = to;
    this.thumbs[to].element.focus();
    if (extend) this.onMark();
  }

  /** Marks the item under the cursor, or lets it go. */
  toggle(): void {
    const position = this.positions[this.cursor];
    if (position === undefined) return;
    if (!this.marked.delete(position)) this.marked.add(position);
    this.anchor = this.cursor;
    this.onMark();
  }

  focus(): void {
    this.thumbs[this.cursor]?.element.focus();
  }

  drawMarks(): void {
    for (const thumb of this.thumbs) thumb.mark(this.marked.has(thumb.position));
    this.map?.draw();
  }

  private lassoed(positions: number[], add: boolean): void {
    if (!add) this.marked.clear();
    for (const position of positions) this.marked.add(position);
    this.panel.status.set(`${count(this.marked.size, "item")} marked.`);
    this.onMark();
  }

  private draw(): void {
    this.thumbs = [];
    this.grid.replaceChildren();
    this.cursor = this.anchor = 0;
    this.grow();
  }

  private grow(): void {
    const pictures = this.panel.state.modality === "image";
    const start = this.thumbs.length;
    const fresh = this.positions.slice(start, start + STEP).map((position, i) => new Thumb(this.panel.items, position, SIZE, pictures, (event) => this.pressed(start + i, event), false, this.accept).speaksFor(this.cluster));
    this.thumbs.push(...fresh);
    this.grid.append(...fresh.map((thumb) => thumb.element));
    const left = this.positions.length - this.thumbs.length;
    this.more.hidden = left === 0;
    fill(this.more, `Show more (${number(left)} left)`);
    this.drawMarks();
    this.grid.setAttribute("aria-label", `All ${count(this.positions.length, "item")}`);
  }

  private pressed(at: number, event: MouseEvent): void {
    if (event.shiftKey) for (const i of between(this.anchor, at)) this.marked.add(this.positions[i]);
    else if (!this.marked.delete(this.positions[at])) this.marked.add(this.positions[at]);
    this.cursor = this.anchor = at;
    this.onMark();
  }

  private flip(): void {
    this.reversed = !this.reversed;
    this.turn.setAttribute("aria-pressed", String(this.reversed));
    this.positions.reverse();
    this.draw();
  }
}
