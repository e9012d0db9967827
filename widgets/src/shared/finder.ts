/** Finding a class by typing part of its name: a field and a list beneath it; Enter takes the first. */
import { fill, focusedIn, h } from "./dom";
import { swatch } from "./classes";

/** Positions of the classes that match, the best first: names that begin with `typed`, then words that do, then any that contain it. */
export function matches(names: readonly string[], typed: string, most = 8): number[] {
  const wanted = fold(typed.trim());
  if (!wanted) return [];
  const ranked: [number, number][] = [];
  names.forEach((name, position) => {
    const at = fold(name).indexOf(wanted);
    if (at < 0) return;
    ranked.push([at === 0 ? 0 : /[\s_\-/]/.test(fold(name)[at - 1]) ? 1 : 2, position]);
  });
  return ranked.sort((a, b) => a[0] - b[0] || names[a[1]].length - names[b[1]].length || a[1] - b[1]).slice(0, most).map(([, position]) => position);
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

let serial = 0;

export class ClassFinder {
  readonly element: HTMLElement;
  private readonly field: HTMLInputElement;
  private readonly list: HTMLElement;
  private found: number[] = [];
  private at = 0;
  private typed = "";
  private readonly id = `lnb-finder-${serial++}`;

  constructor(private readonly names: () => readonly string[], private readonly onPick: (position: number) => void, private readonly onNew: (name: string) => void, private readonly onLeave: () => void) {
    this.field = h("input", {
      class: "lnb-input", placeholder: "Find or add a class", role: "combobox", "aria-label": "Find or add a class", "aria-expanded": "false", "aria-controls": this.id,
      "aria-autocomplete": "list", autocomplete: "off", maxlength: 200, dir: "auto", oninput: () => this.search(), onkeydown: (event: Event) => this.press(event as KeyboardEvent),
      onblur: () => setTimeout(() => this.open([]), 120),
    });
    this.list = h("div", { class: "lnb-finder-list", role: "listbox", id: this.id, "aria-label": "Classes found", hidden: true });
    this.element = h("div", { class: "lnb-finder" }, this.field, h("span", { class: "lnb-key", "aria-hidden": "true" }, "/"), this.list);
  }

  focus(): void {
    this.field.value = "";
    this.field.focus();
  }

  private search(): void {
    this.typed = this.field.value.trim();
    this.open(matches(this.names(), this.typed));
  }

  private open(found: number[]): void {
    this.found = found;
    this.at = 0;
    this.draw();
  }

  private draw(): void {
    const fresh = this.fresh();
    const shown = focusedIn(this.field) === this.field && (this.found.length > 0 || fresh);
    this.list.hidden = !shown;
    this.field.setAttribute("aria-expanded", String(shown));
    const rows = this.found.map((position, i) => this.row(i, () => this.onPick(position), swatch(position), h("span", { dir: "auto" }, this.names()[position])));
    if (fresh) rows.push(this.row(this.found.length, () => this.onNew(this.typed), h("span", { class: "lnb-key" }, "+"), h("span", {}, "New class “", h("bdi", {}, this.typed), "”")));
    fill(this.list, ...rows);
    this.field.setAttribute("aria-activedescendant", shown ? `${this.id}-${this.at}` : "");
  }

  private row(index: number, pick: () => void, ...children: Node[]): HTMLElement {
    const act = (event: Event) => {
      event.preventDefault();
      this.take(pick);
    };
    return h("div", { class: "lnb-finder-row", role: "option", id: `${this.id}-${index}`, "aria-selected": String(index === this.at), onpointerdown: act }, ...children);
  }

  /** Whether what is typed would be a class of its own. */
  private fresh(): boolean {
    return this.typed !== "" && !this.names().includes(this.typed);
  }

  private take(pick: () => void): void {
    this.field.value = "";
    this.typed = "";
    this.open([]);
    this.onLeave();
    pick();
  }

  private press(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const last = this.found.length + (this.fresh() ? 1 : 0) - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.at = Math.max(0, Math.min(last, this.at + (event.key === "ArrowDown" ? 1 : -1)));
      this.draw();
    } else if (event.key === "Enter" && last >= 0) {
      event.preventDefault();
      const position = this.found[this.at];
      const name = this.typed;
      this.take(() => (position === undefined ? this.onNew(name) : this.onPick(position)));
    }
  }
}
