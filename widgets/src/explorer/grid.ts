/** A grid of many items of which only those in sight exist. Thumbnails come as they come into sight. */
import { ItemCard } from "../shared/card";
import { focusedIn, h } from "../shared/dom";
import type { ItemSource } from "../shared/items";

export interface GridOptions {
  /** Pictures stand in tiles, texts in rows. */
  tiles: boolean;
  /** Recordings or clips. */
  played?: boolean;
  label: string;
  /** The focus ring came to an item. */
  onFocus(position: number): void;
  /** An item was pressed: by click, enter or space. */
  onPress(position: number): void;
  /** Whether an item is ticked; null where nothing can be. */
  ticked(position: number): boolean | null;
  /** Draws what is known of an item onto its card (label, score). */
  decorate(card: ItemCard, position: number, index: number): void;
}

const GAP = 6;
const TILE = 66;
const ROW = 58;
/** Of a recording or clip: its picture, a bar to play it, its name and its label. */
const PLAYED = 122;
/** Browsers give up on taller elements than some 17 million pixels. */
const MOST = 150_000;

export class VirtualGrid {
  readonly element: HTMLElement;
  private readonly inner = h("div", { class: "lnb-grid-inner", role: "presentation" });
  private positions: ArrayLike<number> = [];
  private readonly cards = new Map<number, ItemCard>();
  private spare: ItemCard[] = [];
  private columns = 1;
  private active = 0;
  private readonly observer: ResizeObserver;
  private scheduled = 0;

  constructor(private readonly source: ItemSource, private readonly options: GridOptions) {
    this.element = h("div", { class: "lnb-grid", role: "listbox", tabindex: 0, "aria-label": options.label, onscroll: () => this.schedule() }, this.inner);
    this.inner.addEventListener("click", (event) => this.clicked(event));
    this.element.addEventListener("focus", () => { if (this.count) this.focus(this.active, false); });
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.element);
  }

  get count(): number {
    return Math.min(this.positions.length, MOST);
  }

  /** Shows these items, from the top. */
  show(positions: ArrayLike<number>): void {
    this.positions = positions;
    this.active = 0;
    this.element.scrollTop = 0;
    for (const card of this.cards.values()) this.retire(card);
    this.cards.clear();
    this.element.removeAttribute("aria-activedescendant");
    this.layout();
  }

  /** Draws labels and ticks anew on what is in sight. */
  refresh(): void {
    for (const [index, card] of this.cards) this.dress(card, index);
  }

  /** Presses the item with the focus ring. */
  press(): void {
    if (this.count) this.options.onPress(this.positions[this.active]);
  }

  /** Plays or pauses the recording or clip with the focus ring; false where there is none. */
  play(): boolean {
    return this.cards.get(this.active)?.play() ?? false;
  }

  /** The position of the item that has the focus ring, or -1. */
  get focused(): number {
    return this.count ? this.positions[this.active] : -1;
  }

  /** Moves the focus ring by items or rows. */
  move(columns: number, rows: number): void {
    this.focus(this.active + columns + rows * this.columns, true);
  }

  destroy(): void {
    this.observer.disconnect();
    cancelAnimationFrame(this.scheduled);
  }

  /** Width of an item, and for tiles its height. */
  private get side(): number {
    return (this.inner.clientWidth - (this.columns - 1) * GAP) / this.columns;
  }

  private get step(): number {
    return (this.options.tiles ? Math.max(TILE / 2, this.side) : this.options.played ? PLAYED : ROW) + GAP;
  }

  private focus(index: number, tell: boolean): void {
    if (!this.count) return;
    this.cards.get(this.active)?.element.removeAttribute("data-active");
    this.active = Math.max(0, Math.min(this.count - 1, index));
    const top = Math.floor(this.active / this.columns) * this.step;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.step > scrollTop + clientHeight) this.element.scrollTop = top + this.step - clientHeight;
    this.layout();
    const card = this.cards.get(this.active)?.element;
    card?.setAttribute("data-active", "");
    if (card) this.element.setAttribute("aria-activedescendant", card.id);
    if (tell) this.options.onFocus(this.positions[this.active]);
  }

  private clicked(event: Event): void {
    const card = (event.target as HTMLElement).closest<HTMLElement>(".lnb-card");
    if (!card) return;
    this.element.focus({ preventScroll: true });
    this.focus(Number(card.dataset.index), true);
    this.press();
  }

  private schedule(): void {
    if (!this.scheduled) this.scheduled = requestAnimationFrame(() => { this.scheduled = 0; this.layout(); });
  }

  private layout(): void {
    const width = this.inner.clientWidth;
    if (!width) return;      // not laid out at this moment, such as while the theme changes: what is drawn stays
    this.columns = this.options.tiles ? Math.max(1, Math.floor((width + GAP) / (TILE + GAP))) : 1;
    const rows = Math.ceil(this.count / this.columns);
    this.inner.style.height = `${Math.max(0, rows * this.step - GAP)}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.step) - 1) * this.columns;
    const last = Math.min(this.count, (Math.ceil((this.element.scrollTop + this.element.clientHeight) / this.step) + 1) * this.columns);
    for (const [index, card] of this.cards) {
      if (index >= first && index < last) continue;
      this.cards.delete(index);
      this.retire(card);
    }
    const wanted = new Set<number>();
    for (let index = first; index < last; index++) wanted.add(this.positions[index]);
    this.source.forget((position) => wanted.has(position));
    for (let index = first; index < last; index++) this.put(index);
  }

  private put(index: number): void {
    let card = this.cards.get(index);
    if (!card) {
      card = this.spare.pop() ?? new ItemCard(this.source, { size: this.options.tiles ? TILE : 40 });
      this.cards.set(index, card);
      const { element } = card;
      element.id ||= `lnb-${Math.random().toString(36).slice(2, 9)}`;
      element.setAttribute("role", "option");
      element.setAttribute("aria-posinset", String(index + 1));
      element.setAttribute("aria-setsize", String(this.positions.length));
      element.dataset.index = String(index);
      element.toggleAttribute("data-active", index === this.active && this.element.contains(focusedIn(this.element)));
      void card.show(this.positions[index]);
      this.dress(card, index);
      this.inner.append(element);
    }
    const side = this.side;
    const { style } = card.element;
    style.width = `${side}px`;
    style.height = `${this.step - GAP}px`;
    style.transform = `translate(${(index % this.columns) * (side + GAP)}px, ${Math.floor(index / this.columns) * this.step}px)`;
  }

  private dress(card: ItemCard, index: number): void {
    const ticked = this.options.ticked(this.positions[index]);
    if (ticked === null) card.element.removeAttribute("aria-selected");
    else card.element.setAttribute("aria-selected", String(ticked));
    this.options.decorate(card, this.positions[index], index);
  }

  private retire(card: ItemCard): void {
    card.element.remove();
    card.element.removeAttribute("data-active");
    if (this.spare.length < 60) this.spare.push(card);
  }
}
