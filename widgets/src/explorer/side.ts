/** The side: what is selected or was found, and what to do with it. */
import { Bits } from "../shared/bits";
import { ClassPalette, DIGITS } from "../shared/classes";
import { fill, h, number, setText } from "../shared/dom";
import { state } from "../shared/feedback";
import type { ItemCard } from "../shared/card";
import type { Panel } from "../shared/panel";
import { VirtualGrid } from "./grid";

export interface Results {
  /** "boat", or "like 3 items". */
  title: string;
  /** Best first. */
  positions: Uint32Array;
}

export interface SideHands {
  onLabel(position: number): void;
  onNewClass(name: string): void;
  onClear(): void;
  onSimilar(less: boolean): void;
  onCloseResults(): void;
  onSelectResults(positions: Uint32Array): void;
  onFocus(position: number): void;
  /** A result was ticked or unticked. */
  onTick(position: number): void;
  onTop(): void;
  decorate(card: ItemCard, position: number): void;
}

const TOPS = [20, 50, 100, 500, 1000];

export class Side {
  readonly element: HTMLElement;
  readonly palette: ClassPalette;
  readonly grid: VirtualGrid;
  results: Results | null = null;
  private chosen = new Bits(0);
  private total = 0;
  private listed: Uint32Array | null = null;
  private selected: Uint32Array = new Uint32Array(0);
  private readonly heading = h("span", { class: "lnb-caps", dir: "auto" });
  private readonly count = h("span", { class: "lnb-side-count" });
  private readonly actions = h("div", { class: "lnb-side-actions" });
  private readonly holder = h("div", { class: "lnb-side-part lnb-side-items" });
  private readonly labelHead = h("span", { class: "lnb-caps" });
  private readonly top: HTMLSelectElement;

  constructor(panel: Panel, private readonly hands: SideHands) {
    this.palette = new ClassPalette({ keys: DIGITS.slice(0, 9), onPick: (k) => hands.onLabel(k), onNew: (name) => hands.onNewClass(name), verb: "Label the selection as" });
    const tiles = panel.state.modality === "image", played = ["audio", "clip"].includes(panel.state.modality);
    this.grid = new VirtualGrid(panel.items, { tiles, played, label: "Items", onFocus: (position) => hands.onFocus(position),
      onPress: (position) => { if (this.results) hands.onTick(position); }, ticked: (position) => (this.results ? this.chosen.has(position) : null),
      decorate: (card, position) => hands.decorate(card, position) });
    this.grid.element.classList.add(tiles ? "lnb-grid-tiles" : "lnb-grid-rows");
    this.top = h("select", { class: "lnb-select", "aria-label": "How many results", onchange: () => { this.draw(); hands.onTop(); } });
    for (const top of TOPS) this.top.append(h("option", { value: top, selected: top === 50 }, `Top ${top}`));
    this.element = h("aside", { class: "lnb-side", "aria-label": "Selection" },
      h("div", { class: "lnb-side-part" }, h("div", { class: "lnb-side-head" }, this.heading, this.count), this.actions),
      this.holder,
      h("div", { class: "lnb-side-part" }, this.labelHead, this.palette.element));
    this.total = panel.state.n_items;
    panel.onCleanup(() => this.grid.destroy());
    this.draw();
  }

  /** The found items that are listed and marked on the map. */
  get found(): Uint32Array {
    return this.results ? this.results.positions.subarray(0, Number(this.top.value)) : new Uint32Array(0);
  }

  get foundBits(): Bits | null {
    return this.results ? Bits.of(this.total, this.found) : null;
  }

  setSelection(bits: Bits): void {
    this.total = bits.length;
    this.chosen = bits;
    this.selected = bits.positions();
    this.draw();
  }

  setResults(results: Results | null): void {
    this.results = results;
    this.draw();
  }

  private draw(): void {
    const searching = this.results !== null;
    const items = searching ? this.found : this.selected;
    this.heading.className = searching ? "lnb-side-title" : "lnb-caps";
    setText(this.heading, searching ? this.results!.title : "Selection");
    setText(this.count, number(searching ? items.length : this.selected.length));
    const button = (text: string, action: () => void, disabled = false) => h("button", { class: "lnb-button", type: "button", disabled, onclick: action }, text);
    if (searching) {
      const room = this.results!.positions.length;
      for (const option of this.top.options) option.disabled = Number(option.value) > room && Number(option.value) !== TOPS.find((top) => top >= room);
      fill(this.actions, this.top, button("Select all", () => this.hands.onSelectResults(this.found)), button("Less like selected", () => this.hands.onSimilar(true), this.selected.length === 0), button("Close", () => this.hands.onCloseResults()));
    } else {
      const none = this.selected.length === 0;
      fill(this.actions, button("More like these", () => this.hands.onSimilar(false), none), button("Clear", () => this.hands.onClear(), none));
    }
    setText(this.labelHead, this.selected.length ? `Label ${number(this.selected.length)} as` : "Label as");
    this.palette.setDisabled(this.selected.length === 0);
    if (items.length) {
      if (!this.grid.element.isConnected) this.holder.replaceChildren(this.grid.element);
      const same = searching && this.listed?.length === items.length && this.listed.buffer === items.buffer;
      this.listed = items;
      if (same) this.grid.refresh();
      else this.grid.show(items);
    } else {
      this.listed = null;
      this.grid.show([]);
      this.holder.replaceChildren(searching ? state("Nothing was found") : state("Nothing is selected", "Draw around points on the map, or click one."));
    }
  }
}
