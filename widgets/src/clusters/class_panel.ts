/** Changing classes: what would move is told first; then it is done with one press, and undone like any step. */
import { count, fill, h, number } from "../shared/dom";
import type { Panel } from "../shared/panel";

export interface ClassChange {
  change: "rename" | "merge" | "split";
  names: string[];
  into: string;
}

interface Told {
  n_items: number;
  moves: [string, number, string][];
  more: number;
  conflicts: [string, number, string, string][];
}

const VERBS = { rename: "Rename a class", merge: "Merge two classes", split: "Split a class by its clusters" } as const;

/** What a change is, in words. */
export function changeWords({ change, names, into }: ClassChange): string {
  if (change === "rename") return `class ${names[0]} renamed ${into}`;
  if (change === "merge") return `classes ${names.join(", ")} merged into ${into}`;
  return `class ${names[0]} split by its clusters`;
}

export class ClassPanel {
  readonly element: HTMLElement;
  private readonly verb: HTMLSelectElement;
  private readonly first: HTMLSelectElement;
  private readonly second: HTMLSelectElement;
  private readonly into: HTMLInputElement;
  private readonly told = h("div", { class: "lnb-classes-told", role: "status", "aria-live": "polite" });
  private readonly go: HTMLButtonElement;
  private readonly leave: HTMLButtonElement;
  private readonly why = h("div", { class: "lnb-classes-why", hidden: true });
  private asked = 0;

  constructor(private readonly panel: Panel, private readonly apply: (change: ClassChange) => void, private readonly closed: () => void) {
    const again = () => void this.ask();
    this.verb = h("select", { class: "lnb-select", "aria-label": "Change", onchange: () => { this.shape(); again(); } }, ...Object.entries(VERBS).map(([value, what]) => h("option", { value }, what)));
    this.first = h("select", { class: "lnb-select", "aria-label": "Class", onchange: again });
    this.second = h("select", { class: "lnb-select", "aria-label": "And class", onchange: again });
    this.into = h("input", { class: "lnb-input", "aria-label": "Name afterwards", placeholder: "Name afterwards", maxlength: 200, autocomplete: "off", dir: "auto", oninput: again });
    const button = (what: string, key: string, act: () => void, main = false) =>
      h("button", { class: `lnb-button${main ? " lnb-cluster-accept" : ""}`, type: "button", onclick: act }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    this.go = button("Change the classes", "enter", () => this.confirm(), true);
    this.leave = button("Leave them", "esc", () => this.close());
    this.element = h("div", { class: "lnb-board-strip lnb-board-change", role: "group", "aria-label": "Change classes", hidden: true, onkeydown: (event: Event) => this.pressed(event as KeyboardEvent) }, this.why,
      h("div", { class: "lnb-cluster-row" }, this.verb, this.first, this.second, this.into), this.told, h("div", { class: "lnb-cluster-row" }, this.go, this.leave));
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  /** Opens the panel; with an offer, filled in, and saying why. */
  show(classes: readonly string[], offer?: ClassChange): void {
    for (const select of [this.first, this.second]) fill(select, ...classes.map((name) => h("option", { value: name }, name)));
    const { change, names, into } = offer ?? { change: "rename", names: [], into: "" };
    this.verb.value = change;
    if (names[0]) this.first.value = names[0];
    this.second.value = names[1] ?? classes.find((name) => name !== this.first.value) ?? "";
    this.into.value = into;
    this.why.hidden = !offer;
    if (offer) fill(this.why, ...whyWords(offer));
    this.shape();
    this.element.hidden = false;
    void this.ask();
    // An offer comes by itself: it must not take the keys of whoever is about to press enter for something else.
    if (!offer) this.verb.focus();
  }

  /** What the key does: to the panel where it is open, else it opens. */
  enter(classes: readonly string[]): void {
    if (this.open) (this.why.hidden || this.go.disabled ? this.verb : this.go).focus();
    else if (classes.length) this.show(classes);
    else this.panel.status.set("There are no classes yet: accept a cluster with a name, and it becomes one.");
  }

  close(): void {
    if (!this.open) return;
    this.element.hidden = true;
    this.asked++;
    this.closed();
  }

  private get change(): ClassChange {
    const change = this.verb.value as ClassChange["change"];
    return { change, names: change === "merge" ? [this.first.value, this.second.value] : [this.first.value], into: change === "split" ? "" : this.into.value.trim() };
  }

  /** Which fields the change has. */
  private shape(): void {
    this.second.hidden = this.verb.value !== "merge";
    this.into.hidden = this.verb.value === "split";
  }

  /** Lets Python say what would move; only the last question's answer is shown. */
  private async ask(): Promise<void> {
    const mine = ++this.asked;
    const { change } = this;
    this.go.disabled = true;
    if (change.change !== "split" && !change.into) return fill(this.told, h("span", { class: "lnb-quiet" }, "Type the name it is to have; what would move is told here."));
    try {
      const { content } = await this.panel.channel.request("change_classes", { ...change, preview: true });
      if (mine !== this.asked) return;
      this.go.disabled = false;
      fill(this.told, ...toldWords(content as unknown as Told));
    } catch (error) {
      if (mine !== this.asked) return;
      this.go.disabled = true;
      fill(this.told, h("span", { class: "lnb-card-problem", dir: "auto" }, error instanceof Error ? error.message : String(error)));
    }
  }

  private confirm(): void {
    if (this.go.disabled) return;
    this.apply(this.change);
    this.close();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || (event.key !== "Enter" && event.key !== "Escape")) return;
    if (event.key === "Enter" && event.target === this.leave) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") this.confirm();
    else this.close();
  }
}

const name = (text: string): HTMLElement => h("bdi", {}, text);

function whyWords({ change, names, into }: ClassChange): (HTMLElement | string)[] {
  if (change === "rename") return ["The items of this cluster are labelled ", name(names[0]), ". Is the whole class to be called ", name(into), "?"];
  if (change === "merge") return ["These clusters stand for the classes ", ...names.flatMap((one, i) => [i ? " and " : "", name(one)]), ". Are the classes to be one as well, ", name(into), "?"];
  return ["This cluster's items are labelled ", name(names[0]), ", as another cluster's are. Is the class to be split by its clusters?"];
}

function toldWords({ n_items, moves, more, conflicts }: Told): HTMLElement[] {
  const rows = moves.map(([was, n, becomes]) => h("li", {}, `${number(n)} × `, name(was), " → ", becomes ? name(becomes) : "no label"));
  if (more) rows.push(h("li", {}, `and ${count(more, "kind")} of labels more`));
  const lost = conflicts.map(([was, n, becomes, why]) => h("li", {}, `${number(n)} × `, name(was), becomes ? " → " : "", becomes ? name(becomes) : "", ": ", name(why)));
  return [
    h("div", {}, n_items ? `${count(n_items, "label")} will read differently:` : "No label will change, only the classes."),
    h("ul", {}, ...rows),
    ...(lost.length ? [h("div", { class: "lnb-classes-lost" }, "⚠ This cannot be carried over whole:"), h("ul", {}, ...lost)] : []),
  ];
}
