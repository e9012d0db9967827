/** The board: a page of cluster cards, a cursor, clusters chosen for merging, items marked for splitting, and decisions on their way. */
import { ClassPalette, DIGITS } from "../shared/classes";
import { count, fill, h, number, setText } from "../shared/dom";
import { keyLegend, state as drawnState, UndoBar } from "../shared/feedback";
import type { KeyTable } from "../shared/keys";
import { move } from "../shared/moves";
import { Outbox, type Content, type Entry } from "../shared/outbox";
import type { Panel } from "../shared/panel";
import { SaveState } from "../shared/save_state";
import { standingOf, type BoardPage, type ClusterInfo } from "./board_types";
import { ClusterCard } from "./cluster_card";
import { OpenedCluster } from "./opened";

const LEGEND: readonly (readonly [string, string])[] = [
  ["← → ↑ ↓", "move"], ["enter", "accept"], ["n", "name"], ["1–9", "name as a class"], ["space", "choose"], ["m", "merge chosen"], ["e", "all items"], ["v", "review"], ["u", "undo"], ["h", "all keys"],
];
const MORE: readonly (readonly [string, string])[] = [
  ["s", "split marked items off"], ["x", "take marked items out"], ["shift ← → ↑ ↓", "mark several (all items)"], ["r", "redo"], ["page down, page up", "next page, page before"], ["esc", "close, let go"],
];
const PATIENCE = 8_000;
let serial = 0;

export class Board {
  private page: BoardPage = { page: 0, pages: 1, cards: [], progress: { clusters: 0, labelled: 0, items: 0, n_items: 0, outliers: 0 }, version: -1, can_undo: false, can_redo: false };
  private cards: ClusterCard[] = [];
  private cursor = 0;
  private readonly chosen = new Set<number>();
  private readonly marked = new Map<number, Set<number>>();
  private opened: OpenedCluster | null = null;
  private suggestions: Record<string, string> = {};
  private classes: readonly string[] = [];
  private fetching = false;
  private stale = false;
  private dragged = -1;
  private wholeLegend = false;
  private readonly listId = `lnb-names-${serial++}`;
  private readonly outbox: Outbox;
  private readonly palette: ClassPalette;
  private readonly save = new SaveState(() => this.outbox.retry());
  private readonly undoBar = new UndoBar(() => this.takeBack(false), () => this.takeBack(true));
  private readonly grid = h("div", { class: "lnb-board-cards", role: "list", "aria-label": "Clusters" });
  private readonly names = h("datalist", { id: this.listId });
  private readonly meter = h("div", { class: "lnb-board-meter", role: "progressbar", "aria-label": "Clusters labelled", "aria-valuemin": 0 }, h("div", { style: "width:0" }));
  private readonly done = h("span", {});
  private readonly merge: HTMLButtonElement;
  private readonly sort: HTMLSelectElement;
  private readonly before: HTMLButtonElement;
  private readonly after: HTMLButtonElement;
  private readonly pages = h("span", { class: "lnb-quiet" });
  private readonly outliers = h("div", { class: "lnb-board-outliers", hidden: true });
  private readonly legend = h("div", { class: "lnb-legend" });

  constructor(private readonly panel: Panel) {
    this.outbox = new Outbox({
      request: async (kind: string, payload: Content) => (await panel.channel.request(kind, payload, [], PATIENCE)).content,
      changed: () => this.drawStandings(),
      saved: (entry, answer) => this.saved(entry, answer),
      refused: (_, reason) => panel.toasts.error(reason),
    });
    panel.onCleanup(() => this.outbox.close());
    this.palette = new ClassPalette({ verb: "Name this cluster", keys: DIGITS.slice(0, 9), onPick: (position) => this.nameAs(position) });
    this.merge = h("button", { class: "lnb-button", type: "button", disabled: true, onclick: () => this.mergeChosen() }, h("span", {}, "Merge"), h("span", { class: "lnb-key", "aria-hidden": "true" }, "m"));
    this.sort = h("select", { class: "lnb-select", "aria-label": "Order", onchange: () => void this.ask({ sort: this.sort.value }) },
      ...Object.entries(panel.config.sorts as Record<string, string>).map(([name, what]) => h("option", { value: name }, what)));
    this.before = h("button", { class: "lnb-button", type: "button", "aria-label": "Page before", onclick: () => this.turn(-1) }, "‹");
    this.after = h("button", { class: "lnb-button", type: "button", "aria-label": "Next page", onclick: () => this.turn(1) }, "›");
    this.build();
  }

  async open(): Promise<void> {
    this.panel.onState((state) => {
      if (state.classes.join("\n") !== this.classes.join("\n") || !this.classes.length) {
        this.classes = state.classes;
        this.palette.update(state.classes.slice(0, 40));
        fill(this.names, ...state.classes.map((name) => h("option", { value: name })));
      }
      this.drawStandings();
    });
    const changed = () => this.refresh();
    this.panel.model.on("change:version", changed);
    this.panel.model.on("change:page", changed);
    this.panel.onCleanup(() => {
      this.panel.model.off("change:version", changed);
      this.panel.model.off("change:page", changed);
    });
    await this.ask({});
  }

  keys(): KeyTable {
    const table: KeyTable = {
      Enter: () => this.accept(this.current()), n: () => this.current()?.field.focus(), m: () => this.mergeChosen(), e: () => this.toggleOpen(this.current()),
      v: () => this.send(this.current()), s: () => this.split(this.current(), false), x: () => this.split(this.current(), true), u: () => this.takeBack(false),
      r: () => this.takeBack(true), "Shift+u": () => this.takeBack(true), PageDown: () => this.turn(1), PageUp: () => this.turn(-1), Escape: () => this.letGo(),
      " ": () => (this.opened ? this.opened.toggle() : this.choose(this.current())),
      h: () => { this.wholeLegend = !this.wholeLegend; this.drawLegend(); },
    };
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]) {
      table[key] = () => this.arrow(key, false);
      table[`Shift+${key}`] = () => this.arrow(key, true);
    }
    this.classes.slice(0, 9).forEach((_, position) => { table[DIGITS[position]] = () => this.nameAs(position); });
    return table;
  }

  // Building ------------------------------------------------------------------------------------------------------------

  private build(): void {
    const { panel } = this;
    panel.head.append(h("h2", { class: "lnb-title lnb-board-title", dir: "auto" }, panel.config.title), h("div", { class: "lnb-board-progress" }, this.meter, this.done),
      this.sort, h("div", { class: "lnb-board-pager", role: "group", "aria-label": "Pages" }, this.before, this.pages, this.after));
    panel.body.before(h("div", { class: "lnb-board-bar" }, this.palette.element, this.merge));
    const warnings: string[] = panel.config.warnings ?? [];
    if (warnings.length) panel.body.append(h("p", { class: "lnb-quiet", role: "note", dir: "auto" }, warnings.join(" ")));
    this.grid.append(drawnState("Loading clusters"));
    panel.body.append(this.names, this.grid, this.outliers);
    panel.foot.append(this.undoBar.element, this.save.element, panel.status.element, this.legend);
    this.drawLegend();
    panel.root.classList.toggle("lnb-board-texts", panel.state.modality !== "image");
    this.grid.addEventListener("focusin", (event) => this.entered(event.target as Node));
    this.grid.addEventListener("pointerdown", (event) => this.entered(event.target as Node));
    this.dragging();
  }

  private drawLegend(): void {
    fill(this.legend, keyLegend([...LEGEND, ...(this.wholeLegend ? MORE : [])].map(([key, what]) => [key, what])));
  }

  /** One card dropped on another merges them. */
  private dragging(): void {
    const over = (event: DragEvent) => this.cards.find((card) => card.element.contains(event.target as Node) && card.cluster !== this.dragged);
    const mark = (target?: ClusterCard) => { for (const card of this.cards) card.element.toggleAttribute("data-drop", card === target); };
    this.grid.addEventListener("dragstart", (event) => { this.dragged = this.cards.find((card) => card.element === event.target)?.cluster ?? -1; });
    this.grid.addEventListener("dragover", (event) => {
      const target = this.dragged >= 0 ? over(event) : undefined;
      mark(target);
      if (target) event.preventDefault();
    });
    this.grid.addEventListener("drop", (event) => {
      const target = over(event);
      mark();
      if (this.dragged < 0 || !target) return;
      event.preventDefault();
      this.outbox.push("merge", { clusters: [target.cluster, this.dragged] });
      this.dragged = -1;
    });
    this.grid.addEventListener("dragend", () => { mark(); this.dragged = -1; });
  }

  // Pages ---------------------------------------------------------------------------------------------------------------

  private turn(by: number): void {
    const page = this.page.page + by;
    if (page < 0 || page >= this.page.pages) return this.panel.status.set(by > 0 ? "This is the last page." : "This is the first page.");
    this.cursor = 0;
    void this.ask({ page });
  }

  private async ask(wishes: Record<string, unknown>): Promise<void> {
    await this.panel.attempt(async () => this.show((await this.panel.channel.request("cards", wishes)).content as unknown as BoardPage));
  }

  private refresh(): void {
    this.stale = true;
    if (this.fetching) return;
    this.fetching = true;
    void (async () => {
      while (this.stale && !this.panel.closed) {
        this.stale = false;
        await this.ask({});
      }
      this.fetching = false;
    })();
  }

  private show(page: BoardPage): void {
    const turned = page.page !== this.page.page;
    const held = this.grid.contains(document.activeElement) || this.page.version < 0;
    const same = this.page.version >= 0 && page.cards.length === this.cards.length && page.cards.every((info, i) => info.cluster === this.cards[i].cluster);
    const sizes = new Map(this.page.cards.map((info) => [info.cluster, info.size]));
    this.page = page;
    if (!same) this.drawCards(page.cards, held && this.page.version >= 0);
    if (turned) this.panel.status.set(`Page ${page.page + 1} of ${Math.max(page.pages, 1)}, ${count(page.cards.length, "cluster")}.`);
    if (this.opened) {
      const info = page.cards.find(({ cluster }) => cluster === this.opened?.cluster);
      if (!info) this.opened = null;
      else if (sizes.get(info.cluster) !== info.size) void this.panel.attempt(() => this.opened!.load());
    }
    this.drawHead();
    this.drawStandings();
    void this.suggest();
  }

  private drawCards(infos: readonly ClusterInfo[], held: boolean): void {
    const kept = new Map(this.cards.map((card) => [card.cluster, card]));
    const currently = this.cards[this.cursor]?.cluster;
    this.cards = infos.map((info) => kept.get(info.cluster) ?? this.makeCard(info));
    if (infos.length) fill(this.grid, ...this.cards.flatMap((card) => [card.element, card.opened]));
    else fill(this.grid, drawnState("No clusters", "The method put no item in a cluster."));
    const at = this.cards.findIndex((card) => card.cluster === currently);
    this.place(at >= 0 ? at : Math.min(this.cursor, this.cards.length - 1), held);
  }

  private makeCard(info: ClusterInfo): ClusterCard {
    const card: ClusterCard = new ClusterCard(info, this.panel.items, this.panel.state.modality === "image", this.listId, {
      accept: () => this.accept(card), rename: (name) => this.rename(card, name), open: () => this.toggleOpen(card), send: () => this.send(card), choose: () => this.choose(card),
      mark: (position) => this.mark(card, position), split: (out) => this.split(card, out),
    });
    return card;
  }

  private drawHead(): void {
    const { progress } = this.page;
    this.meter.setAttribute("aria-valuemax", String(progress.clusters));
    this.meter.setAttribute("aria-valuenow", String(progress.labelled));
    (this.meter.firstElementChild as HTMLElement).style.width = `${progress.clusters ? (100 * progress.labelled) / progress.clusters : 0}%`;
    const all = progress.clusters > 0 && progress.labelled === progress.clusters;
    setText(this.done, `${all ? "✓ " : ""}${number(progress.labelled)} / ${number(progress.clusters)} clusters · ${number(progress.items)} / ${number(progress.n_items)} items labelled`);
    this.sort.value = this.panel.model.get("sort");
    setText(this.pages, `${this.page.page + 1} of ${Math.max(this.page.pages, 1)}`);
    this.before.disabled = this.page.page <= 0;
    this.after.disabled = this.page.page >= this.page.pages - 1;
    this.outliers.hidden = progress.outliers === 0;
    if (progress.outliers) fill(this.outliers, `${count(progress.outliers, "item")} in no cluster.`, h("button", { class: "lnb-button", type: "button", onclick: () => this.outbox.push("send", { cluster: null }) }, "Send to review"));
  }

  private drawStandings(): void {
    for (const [i, info] of this.page.cards.entries()) {
      const card = this.cards[i];
      if (!card) continue;
      // A name on its way is the name: keys pressed before Python has answered go by it.
      const entry = this.outbox.latest(info.cluster);
      const name: string = entry?.payload.name ?? info.name;
      const pending = entry && (entry.kind === "accept" || entry.state === "unsaved") ? entry.state : undefined;
      card.update({ ...info, name }, standingOf(info, pending), this.classes, name || info.suggestion || this.suggestions[info.cluster] || "");
      card.setMarked(this.marked.get(info.cluster) ?? new Set());
      card.select(i === this.cursor, this.chosen.has(info.cluster));
    }
    this.merge.disabled = this.chosen.size < 2;
    setText(this.merge.firstElementChild!, this.chosen.size < 2 ? "Merge" : `Merge ${this.chosen.size} clusters`);
    this.save.update(this.outbox);
    this.undoBar.set(this.page.can_undo || this.panel.state.can_undo || this.outbox.size > 0, this.page.can_redo || this.panel.state.can_redo);
  }

  /** Asks for proposed names until Python has searched for all of them. */
  private async suggest(): Promise<void> {
    const clusters = this.page.cards.filter((info) => !info.name && !info.suggestion && !(info.cluster in this.suggestions)).map((info) => info.cluster);
    if (!clusters.length || !this.panel.state.can_search_text) return;
    for (const cluster of clusters) this.suggestions[cluster] = "";
    try {
      for (let ready = false; !ready && !this.panel.closed;) {
        const { content } = await this.panel.channel.request("suggest", { clusters });
        ready = content.ready;
        Object.assign(this.suggestions, content.names);
      }
      this.drawStandings();
    } catch (error) {
      this.panel.status.set(`No names are proposed: ${error instanceof Error ? error.message : error}`);
    }
  }

  // The cursor ----------------------------------------------------------------------------------------------------------

  private current(): ClusterCard | undefined {
    return this.cards[this.cursor];
  }

  private place(at: number, focus = true): void {
    this.cursor = Math.max(0, Math.min(at, this.cards.length - 1));
    this.cards.forEach((card, i) => card.select(i === this.cursor, this.chosen.has(card.cluster)));
    if (!focus) return;
    this.current()?.element.focus({ preventScroll: true });
    this.current()?.element.scrollIntoView({ block: "nearest" });
  }

  private entered(target: Node): void {
    const at = this.cards.findIndex((card) => card.element.contains(target) || card.opened.contains(target));
    if (at >= 0 && at !== this.cursor) this.place(at, false);
  }

  private arrow(key: string, extend: boolean): void {
    if (this.opened) return this.opened.arrow(key, extend);
    const rects = this.cards.map(({ element }) => ({ left: element.offsetLeft, top: element.offsetTop, width: element.offsetWidth, height: element.offsetHeight }));
    const to = rects.length ? move(rects, this.cursor, key, getComputedStyle(this.grid).direction === "rtl") : -1;
    if (to >= 0) this.place(to);
  }

  private letGo(): void {
    if (this.opened) this.toggleOpen(this.cards.find((card) => card.cluster === this.opened?.cluster));
    else {
      this.chosen.clear();
      this.marked.clear();
      this.drawStandings();
      this.place(this.cursor);
    }
  }

  // What is done with clusters ------------------------------------------------------------------------------------------

  private accept(card?: ClusterCard): void {
    if (!card) return;
    if (!card.name) {
      this.panel.status.set("Name this cluster first: type a name, or press a class's key.");
      card.field.focus();
      return;
    }
    this.outbox.push("accept", { cluster: card.cluster, name: card.name }, [card.cluster]);
    if (!this.opened && this.grid.contains(document.activeElement)) this.place(Math.min(this.cards.indexOf(card) + 1, this.cards.length - 1));
  }

  private rename(card: ClusterCard, name: string): void {
    this.outbox.push("name", { cluster: card.cluster, name: name.trim() }, [card.cluster]);
  }

  private nameAs(position: number): void {
    const card = this.current();
    if (!card) return;
    card.field.value = this.classes[position];
    this.rename(card, this.classes[position]);
  }

  private choose(card?: ClusterCard): void {
    if (!card) return;
    if (!this.chosen.delete(card.cluster)) this.chosen.add(card.cluster);
    this.drawStandings();
    this.panel.status.set(this.chosen.size ? `${count(this.chosen.size, "cluster")} chosen.` : "");
  }

  private mergeChosen(): void {
    if (this.chosen.size < 2) return this.panel.status.set("Choose two clusters with space, then press m.");
    this.outbox.push("merge", { clusters: [...this.chosen] });
    this.chosen.clear();
    this.drawStandings();
  }

  private mark(card: ClusterCard, position: number): void {
    const marks = this.marks(card.cluster);
    if (!marks.delete(position)) marks.add(position);
    this.drawStandings();
  }

  private marks(cluster: number): Set<number> {
    const marks = this.marked.get(cluster) ?? new Set<number>();
    this.marked.set(cluster, marks);
    return marks;
  }

  private split(card: ClusterCard | undefined, out: boolean): void {
    if (!card) return;
    const marks = this.marks(card.cluster);
    if (!marks.size) return this.panel.status.set("Mark items first: press on them, or open the cluster with e.");
    this.outbox.push("split", { cluster: card.cluster, positions: [...marks], out });
    marks.clear();
    this.drawStandings();
    (this.opened ?? card.element).focus();
  }

  private send(card?: ClusterCard): void {
    if (card) this.outbox.push("send", { cluster: card.cluster });
  }

  private takeBack(redo: boolean): void {
    if (!redo && this.outbox.cancelLast()) return this.panel.status.set("The unsaved step was dropped.");
    this.outbox.push("take_back", { redo });
  }

  private toggleOpen(card?: ClusterCard): void {
    if (!card) return;
    const close = this.opened?.cluster === card.cluster;
    for (const other of this.cards) other.setOpen(other === card && !close);
    this.opened = null;
    if (close) return this.place(this.cards.indexOf(card));
    const opened = new OpenedCluster(this.panel, card.cluster, card.opened, this.marks(card.cluster), () => { opened.drawMarks(); this.drawStandings(); });
    this.opened = opened;
    void this.panel.attempt(() => opened.load()).then((loaded) => loaded && this.opened === opened && opened.focus());
  }

  private saved(entry: Entry, answer: Content): void {
    const name = entry.payload.name as string | undefined;
    const info = this.page.cards.find(({ cluster }) => cluster === entry.payload.cluster);
    if (info && name !== undefined) info.name = name;
    if (entry.kind === "accept") {
      const kept = answer.kept ? `; ${number(answer.kept)} kept as people labelled them` : "";
      this.panel.status.set(`Cluster ${entry.payload.cluster}: ${count(answer.labelled, "item")} labelled ${name}${kept}.`);
    } else if (entry.kind === "merge") this.panel.status.set(`Merged into cluster ${answer.cluster}.`);
    else if (entry.kind === "split") this.panel.status.set(answer.cluster === null ? "Taken out of the cluster." : `Split off as cluster ${answer.cluster}.`);
    else if (entry.kind === "send") this.panel.toasts.say(`${count(answer.n, "item")} sent to review. Open them in a cell with board.review() on this widget.`);
    else if (entry.kind === "take_back") this.panel.status.set(entry.payload.redo ? "Brought back." : "Taken back.");
    this.refresh();
  }
}
