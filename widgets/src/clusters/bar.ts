/** The bar above the cards: names as classes, merging, the tree's level, stability, accepting all that is named. */
import { count, h, number, setText } from "../shared/dom";
import type { ClassPalette } from "../shared/classes";
import type { BoardPage } from "./board_types";

export interface BarActions {
  merge(): void;
  level(groups: number): void;
  measure(): void;
  acceptAll(): void;
  follow(): void;
  classes(): void;
  bank(): void;
}

export class BoardBar {
  readonly element: HTMLElement;
  private readonly merge: HTMLButtonElement;
  private readonly all: HTMLButtonElement;
  private readonly measure: HTMLButtonElement;
  private readonly follow: HTMLButtonElement;
  private readonly classes: HTMLButtonElement;
  private readonly bank: HTMLButtonElement;
  private readonly slider: HTMLInputElement;
  private readonly said = h("span", { class: "lnb-number lnb-board-level-said" });
  private dragging = false;

  constructor(palette: ClassPalette, foldable: boolean, actions: BarActions) {
    const button = (what: string, key: string, act: () => void) => h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": key, onclick: act }, h("span", {}, what), key && h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    this.merge = button("Merge", "m", () => actions.merge());
    this.all = button("Accept all named", "", () => actions.acceptAll());
    this.measure = button("Measure stability", "t", () => actions.measure());
    this.measure.hidden = !foldable;
    this.follow = button("Follow the map", "l", () => actions.follow());
    this.classes = button("Change classes", "c", () => actions.classes());
    this.bank = button("Look for names", "b", () => actions.bank());
    this.slider = h("input", { type: "range", min: 2, max: 2, step: 1, "aria-label": "Groups in the tree",
      oninput: () => { this.dragging = true; this.tell(Number(this.slider.value), Number(this.slider.max)); },
      onchange: () => { this.dragging = false; actions.level(Number(this.slider.value) >= Number(this.slider.max) ? 0 : Number(this.slider.value)); } });
    const level = h("label", { class: "lnb-board-level", hidden: !foldable }, h("span", { class: "lnb-caps" }, "Groups"), this.slider, this.said);
    this.element = h("div", { class: "lnb-board-bar" }, palette.element, h("div", { class: "lnb-board-tools" }, this.merge, this.all, this.measure, this.bank, this.follow, this.classes, level));
  }

  update(page: BoardPage, chosen: number, bank: boolean, classes: number): void {
    this.bank.hidden = !bank;
    this.classes.disabled = classes === 0;
    this.merge.disabled = chosen < 2;
    setText(this.merge.firstElementChild!, chosen < 2 ? "Merge" : `Merge ${chosen} clusters`);
    this.all.disabled = page.progress.named === 0;
    setText(this.all.firstElementChild!, page.progress.named ? `Accept all named (${number(page.progress.named)})` : "Accept all named");
    const clusters = page.progress.clusters;
    this.slider.disabled = clusters < 3;
    if (this.dragging) return;
    this.slider.max = String(Math.max(2, clusters));
    this.slider.value = String(page.level || clusters);
    this.tell(page.level || clusters, clusters);
  }

  /** How far the measurement is; null when none runs. */
  measuring(progress: { done: number; total: number } | null): void {
    this.measure.disabled = progress !== null;
    setText(this.measure.firstElementChild!, progress ? `Measuring ${progress.done} / ${progress.total}` : "Measure stability");
  }

  /** How many maps are followed. */
  following(maps: number): void {
    this.follow.setAttribute("aria-pressed", String(maps > 0));
    setText(this.follow.firstElementChild!, maps > 0 ? "Following the map" : "Follow the map");
  }

  private tell(groups: number, clusters: number): void {
    const text = groups >= clusters ? `all ${count(clusters, "cluster")}` : count(groups, "group");
    setText(this.said, text);
    this.slider.setAttribute("aria-valuetext", text);
  }
}
