/** The matrix of votes: a head of sources with what they are worth, rows of items as far as they are in sight, and labels by key. */
import { ClassPalette, swatch } from "../shared/classes";
import { count, fill, focusedIn, h, number, percent, setText } from "../shared/dom";
import { keyLegend, state as drawnState, UndoBar } from "../shared/feedback";
import type { KeyTable } from "../shared/keys";
import { Outbox, type Content } from "../shared/outbox";
import type { LabelValue, Panel } from "../shared/panel";
import { Progress } from "../shared/progress";
import { SaveState } from "../shared/save_state";
import { Tall } from "../shared/tall";
import { RowSource, type Row } from "./rows";

interface Source { source: string; coverage: number; overlap: number; conflict: number; checked: number; accuracy: number | null; low: number; high: number }

const HEIGHT = 44;
const PICTURE = 40;
const PATIENCE = 20_000;
/** Rows drawn above and below what is in sight. */
const MARGIN = 6;
const TRAITS = ["filter", "sort", "source", "listing"];

export class VoteView {
  private readonly sources: string[];
  private readonly rows: RowSource;
  private readonly palette: ClassPalette;
  private readonly progress = new Progress("labelled");
  private readonly outbox: Outbox;
  private readonly save = new SaveState(() => this.outbox.retry());
  private readonly undoBar = new UndoBar(() => this.step("undo"), () => this.step("redo"));
  private readonly facts = h("span", { class: "lnb-quiet" });
  private readonly filters = new Map<string, HTMLButtonElement>();
  private readonly sort: HTMLButtonElement;
  private readonly header = h("div", { class: "lnb-votes-row lnb-votes-head", role: "row", "aria-rowindex": 1 });
  private readonly inner = h("div", { class: "lnb-votes-inner", role: "presentation" });
  private readonly scroller: HTMLElement;
  private readonly drawn = new Map<number, HTMLElement>();
  private readonly tall = new Tall(HEIGHT);
  private readonly empty = drawnState("No items here", "No item fits this filter.");
  private classes: readonly string[] = [];
  private cursor = 0;
  private frame = 0;
  /** The row with the cursor is to have the focus once it is drawn. */
  private focusing = false;

  constructor(private readonly panel: Panel) {
    this.sources = panel.config.sources;
    this.rows = new RowSource(panel, this.sources.length, () => this.redraw());
    this.palette = new ClassPalette({ onPick: (position) => this.decide(this.classes[position]), onNew: (name) => this.newClass(name) });
    this.outbox = new Outbox({
      request: async (kind, { position, ...payload }: Content) => (await panel.channel.request(kind, payload, position === undefined ? [] : [Uint32Array.of(position)], PATIENCE)).content,
      changed: () => this.drawSaving(), saved: (entry) => this.saved(entry.kind), refused: (_, reason) => panel.toasts.error(reason),
    });
    panel.onCleanup(() => { this.outbox.close(); cancelAnimationFrame(this.frame); });
    this.sort = h("button", { class: "lnb-button", type: "button", onclick: () => this.ask({ sort: panel.model.get("sort") === "conflict" ? "position" : "conflict" }) }, "Most divided first");
    this.scroller = h("div", { class: "lnb-votes", role: "grid", "aria-label": "Votes", "aria-colcount": this.sources.length + 2, tabindex: -1 }, this.header, this.inner);
    this.build();
  }

  async open(): Promise<void> {
    for (const trait of TRAITS) {
      const changed = () => { this.drawFilters(); if (trait === "listing") void this.panel.attempt(() => this.reload()); };
      this.panel.model.on(`change:${trait}`, changed);
      this.panel.onCleanup(() => this.panel.model.off(`change:${trait}`, changed));
    }
    let first = true;
    this.panel.onState((state) => {
      this.classes = state.classes;
      this.palette.update(state.classes, state.counts);
      this.progress.set(state.n_known, state.n_items);
      this.drawSaving();
      if (!first) { this.rows.refresh(); void this.panel.attempt(() => this.drawSources()); }
      first = false;
    });
    this.drawFilters();
    await this.drawSources();
    await this.reload();
  }

  keys(): KeyTable {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / HEIGHT) - 2);
    return {
      ...this.palette.keys(), ArrowDown: () => this.go(this.cursor + 1), ArrowUp: () => this.go(this.cursor - 1), PageDown: () => this.go(this.cursor + page), PageUp: () => this.go(this.cursor - page),
      Home: () => this.go(0), End: () => this.go(this.rows.total - 1), "?": () => this.decide({ kind: "unsure" }), Backspace: () => this.decide(null), Delete: () => this.decide(null),
      " ": () => this.takeMajority(), u: () => this.step("undo"), "Shift+u": () => this.step("redo"), f: () => this.nextFilter(), d: () => this.sort.click(),
    };
  }

  private build(): void {
    const { panel } = this;
    const group = h("div", { class: "lnb-group", role: "group", "aria-label": "Items shown" });
    for (const [name, what] of Object.entries(panel.config.filters as Record<string, string>)) {
      if (name === "against") continue;
      const button = h("button", { class: "lnb-button", type: "button", onclick: () => this.ask({ filter: name, source: -1 }) }, what);
      this.filters.set(name, button);
      group.append(button);
    }
    fill(panel.head, h("h2", { class: "lnb-title lnb-votes-title" }, panel.config.title), this.progress.element, this.facts, h("span", { class: "lnb-grow" }), group, this.sort);
    panel.body.before(h("div", { class: "lnb-votes-answers" }, this.palette.element));
    const warnings: string[] = panel.config.warnings ?? [];
    if (warnings.length) panel.body.append(h("p", { class: "lnb-quiet", role: "note", dir: "auto" }, warnings.join(" ")));
    this.empty.hidden = true;
    panel.body.append(this.scroller, this.empty);
    this.scroller.style.setProperty("--lnb-sources", String(this.sources.length));
    this.scroller.addEventListener("scroll", () => this.redraw());
    this.inner.addEventListener("pointerdown", (event) => {
      const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
      if (row) this.go(Number(row.dataset.index));
    });
    const resized = new ResizeObserver(() => this.redraw());
    resized.observe(this.scroller);
    panel.onCleanup(() => resized.disconnect());
    panel.foot.append(this.undoBar.element, this.save.element, panel.status.element, h("div", { class: "lnb-legend" },
      keyLegend([["↑ ↓", "move"], ["1–9", "label"], ["space", "label as most vote"], ["?", "unsure"], ["backspace", "clear"], ["f", "next filter"], ["d", "most divided first"], ["u", "undo"]])));
  }

  private ask(wish: Record<string, unknown>): void {
    void this.panel.attempt(() => this.panel.channel.request("show", wish));
  }

  private nextFilter(): void {
    const names = [...this.filters.keys()];
    this.ask({ filter: names[(names.indexOf(this.panel.model.get("filter")) + 1) % names.length], source: -1 });
  }

  private saved(kind: string): void {
    if (kind === "decide") this.progress.worked(1);
    this.panel.status.set(kind === "decide" ? "Kept" : kind === "undo" ? "Undone" : "Done again");
  }

  private drawFilters(): void {
    const { model } = this.panel;
    for (const [name, button] of this.filters) button.setAttribute("aria-pressed", String(model.get("filter") === name));
    this.sort.setAttribute("aria-pressed", String(model.get("sort") === "conflict"));
    this.header.querySelectorAll("[data-source]").forEach((cell, m) => cell.toggleAttribute("data-against", model.get("filter") === "against" && model.get("source") === m));
  }

  private async drawSources(): Promise<void> {
    const { content } = await this.panel.channel.request("sources");
    setText(this.facts, `${count(this.panel.state.n_items, "item")}, ${percent(content.covered)} with a vote, ${percent(content.divided)} divided`);
    const cells = (content.table as Source[]).map((source, m) => h("div", { class: "lnb-votes-source", role: "columnheader", "data-source": m },
      h("button", { class: "lnb-votes-name", type: "button", dir: "auto", title: `Only where ${source.source} is against the label or the majority`, onclick: () => this.against(m) }, h("bdi", {}, source.source)),
      h("span", { class: "lnb-votes-meter", "aria-hidden": "true" }, meter(source.coverage, source.conflict)),
      h("span", { class: "lnb-votes-fact", title: `votes on ${percent(source.coverage)} of the items, against another source on ${percent(source.conflict)}` }, `covers ${percent(source.coverage)}`),
      h("span", { class: "lnb-votes-fact", title: source.checked ? `95% limits ${percent(source.low)} to ${percent(source.high)}` : "label some rows to measure it" }, source.accuracy === null ? "not measured" : `${percent(source.accuracy)} right of ${number(source.checked)}`)));
    fill(this.header, h("div", { class: "lnb-votes-item", role: "columnheader" }, h("span", { class: "lnb-caps" }, "Item")), ...cells, h("div", { class: "lnb-votes-label", role: "columnheader" }, h("span", { class: "lnb-caps" }, "Label")));
    this.drawFilters();
  }

  private against(m: number): void {
    const { model } = this.panel;
    const off = model.get("filter") === "against" && model.get("source") === m;
    this.ask(off ? { filter: "all", source: -1 } : { filter: "against", source: m });
  }

  private async reload(): Promise<void> {
    await this.rows.reset();
    this.cursor = 0;
    this.tall.total = this.rows.total;
    this.scroller.scrollTop = this.tall.stand(0);
    this.clear();
    this.redraw();
  }

  private clear(): void {
    for (const element of this.drawn.values()) element.remove();
    this.drawn.clear();
  }

  private redraw(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => { if (!this.panel.closed) this.draw(); });
  }

  private draw(): void {
    const { total } = this.rows;
    this.empty.hidden = total > 0;
    this.scroller.hidden = total === 0;
    this.scroller.setAttribute("aria-rowcount", String(total + 1));
    this.tall.total = total;
    this.inner.style.height = `${this.tall.height}px`;
    const view = this.scroller.clientHeight;
    if (!view && this.drawn.size) return;      // not laid out at this moment: what is drawn stays
    const moved = this.tall.scrolled(this.scroller.scrollTop, view - this.header.offsetHeight);
    if (moved.at !== undefined) this.scroller.scrollTop = moved.at;
    const { top } = moved;
    const first = Math.max(0, Math.floor(top / HEIGHT) - MARGIN);
    const last = Math.min(total - 1, Math.ceil((top + view) / HEIGHT) + MARGIN);
    this.rows.want(first, last);
    for (const [index, element] of this.drawn) {
      if (index >= first && index <= last) continue;
      if (element === focusedIn(this.panel.frame)) {      // keeps the keys; never beyond the list, which it would make longer
        element.style.transform = `translateY(${Math.max(0, Math.min(this.tall.place(index), this.tall.height - HEIGHT))}px)`;
        continue;
      }
      element.remove();
      this.drawn.delete(index);
    }
    for (let index = first; index <= last; index++) this.drawRow(index);
    const current = this.drawn.get(this.cursor);
    if (!this.focusing || !current) return;
    this.focusing = false;
    current.focus({ preventScroll: true });
  }

  private drawRow(index: number): void {
    const row = this.rows.at(index);
    let element = this.drawn.get(index);
    if (!row) return;
    const mark = `${row.position}/${row.label}/${this.classes.length}`;
    if (!element) {
      element = h("div", { class: "lnb-votes-row", role: "row", tabindex: -1, "data-index": index, "aria-rowindex": index + 2 });
      this.drawn.set(index, element);
      this.inner.append(element);
    }
    element.style.transform = `translateY(${this.tall.place(index)}px)`;
    element.toggleAttribute("data-current", index === this.cursor);
    element.setAttribute("aria-selected", String(index === this.cursor));
    element.tabIndex = index === this.cursor ? 0 : -1;
    if (element.dataset.mark === mark) return;
    element.dataset.mark = mark;
    fill(element, this.itemCell(row), ...Array.from(row.votes, (vote, m) => this.voteCell(vote, m, row)), this.labelCell(row));
  }

  private itemCell(row: Row): HTMLElement {
    const cell = h("div", { class: "lnb-votes-item", role: "rowheader" });
    const draw = (item: { url: string | null; text: string; id: string; problem: string | null }) => {
      fill(cell, item.url !== null && h("img", { src: item.url, alt: "", draggable: "false" }), h("span", { class: item.problem === null ? "lnb-votes-text" : "lnb-votes-text lnb-card-problem", dir: "auto", title: item.problem ?? item.text }, item.problem ?? (item.text || item.id)));
    };
    const kept = this.panel.items.peek(row.position, PICTURE);
    if (kept) draw(kept);
    else void this.panel.items.get(row.position, PICTURE).then((item) => { if (cell.isConnected) draw(item); }, () => undefined);
    return cell;
  }

  private voteCell(vote: number, m: number, row: Row): HTMLElement {
    const name = vote >= 0 ? this.classes[vote] ?? "" : "";
    const wrong = vote >= 0 && row.label >= 0 && vote !== row.label;
    return h("div", { class: "lnb-votes-vote", role: "gridcell", "aria-label": `${this.sources[m]}: ${name || "no vote"}${wrong ? ", wrong" : ""}`, "data-wrong": wrong ? "" : null },
      vote >= 0 ? swatch(vote) : h("span", { class: "lnb-votes-none", "aria-hidden": "true" }, "·"), vote >= 0 && h("span", { class: "lnb-votes-class", title: name, dir: "auto" }, name), wrong && h("span", { class: "lnb-votes-wrong", "aria-hidden": "true" }, "✗"));
  }

  private labelCell(row: Row): HTMLElement {
    const name = row.label >= 0 ? this.classes[row.label] : row.label === -2 ? "other answer" : "";
    return h("div", { class: "lnb-votes-label", role: "gridcell", "aria-label": name ? `label: ${name}` : "no label" }, name && swatch(row.label), h("strong", { dir: "auto" }, name));
  }

  private go(to: number): void {
    const held = this.panel.frame.contains(focusedIn(this.panel.frame));
    const before = this.drawn.get(this.cursor);
    this.cursor = Math.max(0, Math.min(to, this.rows.total - 1));
    if (before) { before.removeAttribute("data-current"); before.setAttribute("aria-selected", "false"); before.tabIndex = -1; }
    const view = this.scroller.clientHeight - this.header.offsetHeight, row = this.cursor * HEIGHT;
    const { top } = this.tall.scrolled(this.scroller.scrollTop, view);
    if (row < top) this.scroller.scrollTop = this.tall.stand(row);
    else if (row + HEIGHT > top + view) this.scroller.scrollTop = this.tall.stand(row + HEIGHT - view);
    this.focusing = held;
    this.draw();
    if (this.rows.at(this.cursor)) this.panel.status.set(`Row ${number(this.cursor + 1)} of ${number(this.rows.total)}`);
  }

  private decide(value: LabelValue): void {
    const row = this.rows.at(this.cursor);
    if (!row) return this.panel.status.set("There is no item here.");
    this.outbox.push("decide", { value, position: row.position }, [row.position]);
    if (value !== null) this.go(this.cursor + 1);
  }

  private takeMajority(): void {
    const row = this.rows.at(this.cursor);
    const tally = new Map<number, number>();
    for (const vote of row?.votes ?? []) if (vote >= 0) tally.set(vote, (tally.get(vote) ?? 0) + 1);
    const [best, second] = [...tally.entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    if (!best || (second && second[1] === best[1])) return this.panel.status.set(best ? "The votes are tied: press a class's key." : "No source votes on this item: press a class's key.");
    this.decide(this.classes[best[0]]);
  }

  private newClass(name: string): void {
    void this.panel.attempt(async () => {
      await this.panel.channel.request("add_class", { name });
      this.decide(name);
    });
  }

  private step(which: "undo" | "redo"): void {
    if (which === "undo" && this.outbox.cancelLast()) return;
    this.outbox.push(which, {});
  }

  private drawSaving(): void {
    this.save.update(this.outbox);
    this.undoBar.set(this.panel.state.can_undo || this.outbox.size > 0, this.panel.state.can_redo);
  }
}

/** Coverage as a bar, the part in conflict darker. */
function meter(coverage: number, conflict: number): HTMLElement {
  const bar = h("span", { class: "lnb-votes-bar" });
  bar.style.width = `${100 * coverage}%`;
  const part = h("span", { class: "lnb-votes-part" });
  part.style.width = `${coverage ? (100 * conflict) / coverage : 0}%`;
  bar.append(part);
  return bar;
}
