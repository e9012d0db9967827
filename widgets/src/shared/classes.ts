/** The class palette: one button a class with its colour, its digit key and, where wanted, its count; and an entry for a new class. */
import { fill, focusedIn, h, number } from "./dom";
import type { KeyTable } from "./keys";
import { classColour } from "./palette";

export interface ClassPaletteOptions {
  /** A class was picked, by button or key. */
  onPick(position: number): void;
  /** A new class was named; absent where none may be added. */
  onNew?(name: string): void;
  /** What the buttons do, the name of their group for screen readers: "Label as". */
  verb?: string;
  /** Keys of the classes in order; DIGITS by default. */
  keys?: readonly string[];
}

/** Digit keys of the classes in order: 1 ... 9, then 0. */
export const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

export class ClassPalette {
  readonly element = h("div", { class: "lnb-classes", role: "group" });
  private names: string[] = [];
  private readonly entry: HTMLInputElement;
  private readonly form: HTMLFormElement;
  private disabled = false;
  private readonly shortcuts: readonly string[];

  constructor(private readonly options: ClassPaletteOptions) {
    this.shortcuts = options.keys ?? DIGITS;
    this.element.setAttribute("aria-label", options.verb ?? "Label as");
    this.entry = h("input", { class: "lnb-input", placeholder: "New class", "aria-label": "Name of a new class", maxlength: 200, size: 12, autocomplete: "off" });
    this.form = h("form", { hidden: !options.onNew, onsubmit: (event: Event) => this.submit(event) }, this.entry);
  }

  /** Draws the classes anew; `counts` by position, `pressed` the one that holds now. */
  update(names: string[], counts?: ArrayLike<number>, pressed = -1): void {
    this.names = names;
    const typing = this.element.contains(focusedIn(this.element)) && focusedIn(this.element) === this.entry;
    const buttons = names.map((name, k) =>
      h("button", { class: "lnb-button lnb-class", type: "button", disabled: this.disabled, "aria-pressed": pressed < 0 ? null : String(k === pressed),
        "aria-keyshortcuts": this.shortcuts[k], onclick: () => this.options.onPick(k) },
        k < this.shortcuts.length && h("span", { class: "lnb-key", "aria-hidden": "true" }, this.shortcuts[k]),
        swatch(k), h("span", { class: "lnb-class-name", dir: "auto" }, name),
        counts && h("span", { class: "lnb-number" }, number(counts[k] ?? 0))));
    fill(this.element, ...buttons, this.form);
    if (typing) this.entry.focus();
  }

  /** Greys the buttons out, such as while nothing is selected. */
  setDisabled(disabled: boolean): void {
    this.disabled = disabled;
    for (const button of this.element.querySelectorAll("button")) button.disabled = disabled;
  }

  /** The keys 1 ... 9, 0 for the classes and n for a new one; spread it into captureKeys' table. */
  keys(): KeyTable {
    const table: KeyTable = {};
    this.names.slice(0, this.shortcuts.length).forEach((_, k) => { table[this.shortcuts[k]] = () => this.options.onPick(k); });
    if (this.options.onNew) table.n = () => this.entry.focus();
    return table;
  }

  private submit(event: Event): void {
    event.preventDefault();
    const name = this.entry.value.trim();
    if (!name) return;
    const known = this.names.indexOf(name);
    this.entry.value = "";
    if (known >= 0) this.options.onPick(known);
    else this.options.onNew?.(name);
  }
}

/** A square of a class's colour; neutral for -1. */
export function swatch(position: number): HTMLElement {
  const square = h("span", { class: "lnb-swatch", "aria-hidden": "true" });
  if (position >= 0) square.style.setProperty("--lnb-colour", classColour(position));
  return square;
}
