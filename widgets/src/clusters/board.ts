/** The board: a page of cards, a cursor, clusters chosen for merging, items marked for splitting, and decisions on their way. */
import { ClassPalette, DIGITS } from "../shared/classes";
import { count, fill, focusedIn, h } from "../shared/dom";
import { state as drawnState, UndoBar } from "../shared/feedback";
import type { KeyTable } from "../shared/keys";
import { move } from "../shared/moves";
import { Outbox, type Content, type Entry } from "../shared/outbox";
import type { Panel } from "../shared/panel";
import { SaveState } from "../shared/save_state";
import { Background } from "./background";
import { BoardBar } from "./bar";
import { headingAt, isGroup, keyOf, nextLevel, NO_PAGE, standingOf, type BoardPage, type CardInfo } from "./board_types";
import { ClassPanel, type ClassChange } from "./class_panel";
import { ClusterCard } from "./cluster_card";
import { dragToMerge } from "./dragging";
import { GroupCard } from "./group_card";
import { BoardHead } from "./head";
import { BoardLegend } from "./legend";
import { MapLink } from "./map_link";
import { Marks } from "./marks";
import { MarksBar } from "./marks_bar";
import { Outliers } from "./outliers";
import { savedWords } from "./words";
import { OpenedCluster } from "./opened";

type Card = ClusterCard | GroupCard;

const PATIENCE = 120_000;
let serial = 0;

export class Board {
  private cutting: number[] = [];
  private page = NO_PAGE;
  private cards: Card[] = [];
  private cursor = 0;
  private readonly chosen = new Set<number>();
  private readonly marks = new Marks();
  private readonly marksBar: MarksBar;
  private readonly change: ClassPanel;
  private wanted = "";
  private opened: OpenedCluster | null = null;
  private classes: readonly string[] = [];
  private fetching = false;
  private stale = false;
  private readonly listId = `lnb-names-${serial++}`;
  private readonly outbox: Outbox;
  private readonly palette: ClassPalette;
  private readonly bar: BoardBar;
  private readonly save = new SaveState(() => this.outbox.retry());
  private readonly undoBar = new UndoBar(() => this.takeBack(false), () => this.takeBack(true));
  private readonly grid = h("div", { class: "lnb-board-cards", role: "list", "aria-label": "Clusters" });
  private readonly names = h("datalist", { id: this.listId });
  private readonly head: BoardHead;
  private readonly background: Background;
  private readonly outliers = new Outliers(() => this.outbox.push("send", { cluster: null }));
  private readonly map: MapLink;
  private readonly legend = new BoardLegend();

  constructor(private readonly panel: Panel) {
    this.outbox = new Outbox({
      request: async (kind: string, payload: Content) => (await panel.channel.request(kind, payload, [], PATIENCE)).content,
      changed: () => this.drawStandings(),
      saved: (entry, answer) => this.saved(entry, answer),
      refused: (_, reason) => { panel.toasts.error(reason); this.refresh(); },
    });
    panel.onCleanup(() => this.outbox.close());
    this.palette = new ClassPalette({ verb: "Name this cluster", keys: DIGITS.slice(0, 9), onPick: (position) => this.nameAs(position) });
    this.bar = new BoardBar(this.palette, Boolean(panel.config.foldable), {
      merge: () => this.merge(), level: (level) => void this.ask({ level, page: 0 }), measure: () => void this.background.measure(), acceptAll: () => this.outbox.push("accept", { clusters: null }),
      follow: () => void this.map.follow(), classes: () => this.change.enter(this.classes), bank: () => void this.background.bank(this.page),
    });
    this.map = new MapLink(panel, this.bar);
    this.marksBar = new MarksBar(this.marks, { gather: () => this.gather(), letGo: () => this.letGo() });
    this.change = new ClassPanel(panel, (change) => this.outbox.push("change_classes", { ...change }), () => this.place(this.cursor));
    this.head = new BoardHead(panel, { turn: (by) => this.turn(by), sort: (sort) => void this.ask({ sort }) });
    this.background = new Background(panel, this.bar, () => this.refresh());
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
    for (const name of ["version", "page"]) {
      this.panel.model.on(`change:${name}`, changed);
      this.panel.onCleanup(() => this.panel.model.off(`change:${name}`, changed));
    }
    this.panel.channel.on("marked", ({ content }) => this.markedBy(content as never));
    await this.ask({});
    await this.panel.attempt(async () => this.markedBy((await this.panel.channel.request("marked")).content as never));
  }

  keys(): KeyTable {
    const table: KeyTable = {
      Enter: () => this.accept(this.current()), "Shift+Enter": () => this.accept(this.current(), true), n: () => this.current()?.field.focus(), m: () => this.merge(), e: () => this.toggleOpen(this.current()),
      v: () => this.send(this.current()), s: () => this.split(this.current(), false), x: () => this.split(this.current(), true), k: () => this.splitUp(this.current(), null), p: () => this.cluster()?.nextName(),
      a: () => void this.background.ask(this.cluster()?.cluster), t: () => void this.background.measure(), "[": () => this.cut(false), "]": () => this.cut(true), u: () => this.takeBack(false),
      r: () => this.takeBack(true), "Shift+u": () => this.takeBack(true), g: () => this.gather(), l: () => void this.map.follow(), o: () => void this.map.show(this.cluster()?.cluster), c: () => this.change.enter(this.classes), b: () => void this.background.bank(this.page), PageDown: () => this.turn(1), PageUp: () => this.turn(-1), Escape: () => this.letGo(),
      " ": () => (this.opened ? this.opened.toggle() : this.choose(this.current())),
      h: () => this.legend.toggle(),
    };
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]) for (const extend of [false, true]) table[`${extend ? "Shift+" : ""}${key}`] = () => this.arrow(key, extend);
    this.classes.slice(0, 9).forEach((_, position) => { table[DIGITS[position]] = () => this.nameAs(position); });
    return table;
  }

  // Building ------------------------------------------------------------------------------------------------------------

  private build(): void {
    const { panel } = this;
    panel.head.append(...this.head.elements);
    panel.body.before(this.bar.element, this.change.element, this.marksBar.element);
    const notes: string[] = [...(panel.config.warnings ?? [])];
    if (panel.config.kept) notes.push(`${count(panel.config.kept, "name")} kept from the clusters before, where half or more of the items are the same.`);
    if (notes.length) panel.body.append(h("p", { class: "lnb-quiet", role: "note", dir: "auto" }, notes.join(" ")));
    this.grid.append(drawnState("Loading clusters"));
    panel.body.append(this.names, this.grid, this.outliers.element);
    panel.foot.append(this.undoBar.element, this.save.element, this.background.element, panel.status.element, this.legend.element);
    panel.root.classList.toggle("lnb-board-texts", panel.state.modality !== "image");
    this.grid.addEventListener("focusin", (event) => this.entered(event.target as Node));
    this.grid.addEventListener("pointerdown", (event) => this.entered(event.target as Node));
    dragToMerge(this.grid, () => this.cards.filter((card) => card instanceof ClusterCard), (target, dragged) => this.outbox.push("merge", { clusters: [target, dragged] }));
  }

  // Pages ---------------------------------------------------------------------------------------------------------------

  private turn(by: number): void {
    const page = this.page.page + by;
    if (page < 0 || page >= this.page.pages) return this.panel.status.set(by > 0 ? "This is the last page." : "This is the first page.");
    this.cursor = 0;
    void this.ask({ page });
  }

  private cut(finer: boolean): void {
    if (!this.panel.config.foldable || this.page.progress.clusters <= 2) return;
    // A second press does not wait for the answer to the first: it goes on from what was asked for.
    const level = nextLevel(this.cutting.at(-1) ?? this.page.level, this.page.progress.clusters, finer);
    this.cutting.push(level);
    void this.ask({ level, page: 0 }).finally(() => this.cutting.shift());
  }

  private async ask(wishes: Record<string, unknown>): Promise<void> {
    try {
      this.show((await this.panel.channel.request("cards", wishes)).content as unknown as BoardPage);
    } catch (error) {
      if (this.panel.closed) return;
      const again = h("button", { class: "lnb-button", type: "button", onclick: () => void this.ask(wishes) }, "Try again");
      if (this.page === NO_PAGE) fill(this.grid, drawnState("The clusters cannot be shown", error instanceof Error ? error.message : String(error), again));
      else this.panel.toasts.error(error);
    }
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
    const first = this.page.version < 0;
    const turned = page.page !== this.page.page || page.level !== this.page.level;
    const held = this.grid.contains(focusedIn(this.grid)) || first;
    const same = !first && page.cards.length === this.cards.length && page.cards.every((info, i) => keyOf(info) === this.cards[i].key);
    const sizes = new Map(this.page.cards.map((info) => [keyOf(info), info.size]));
    if (page.version !== this.page.version) this.panel.items.marks.forget();
    this.page = page;
    if (!same) this.drawCards(page.cards, held && !first);
    if (turned) this.panel.status.set(`Page ${page.page + 1} of ${Math.max(page.pages, 1)}, ${count(page.cards.length, "card")}${page.level ? `, ${count(page.level, "group")}` : ""}.`);
    if (this.opened) {
      const key = `c${this.opened.cluster}`;
      const info = page.cards.find((one) => keyOf(one) === key);
      if (!info) this.opened = null;
      else if (sizes.get(key) !== info.size) void this.panel.attempt(() => this.opened!.load());
    }
    this.head.update(page);
    this.outliers.update(page);
    this.drawStandings();
    void this.background.suggest(page);
  }

  private drawCards(infos: readonly CardInfo[], held: boolean): void {
    const kept = new Map(this.cards.map((card) => [card.key, card]));
    const currently = this.cards[this.cursor]?.key;
    this.cards = infos.map((info) => kept.get(keyOf(info)) ?? this.makeCard(info));
    if (infos.length) fill(this.grid, ...this.cards.flatMap((card, i) => [headingAt(infos, i) && h("div", { class: "lnb-board-section", role: "listitem" }, h("h3", { class: "lnb-caps" }, headingAt(infos, i))), card.element, card.opened]));
    else fill(this.grid, drawnState("No clusters", "The method put no item in a cluster. Run it with other settings, or send the items to review."));
    const at = this.cards.findIndex((card) => card.key === (infos.some((info) => keyOf(info) === this.wanted) ? this.wanted : currently));
    this.wanted = "";
    this.place(at >= 0 ? at : Math.min(this.cursor, this.cards.length - 1), held);
  }

  private makeCard(info: CardInfo): Card {
    const pictures = this.panel.state.modality === "image";
    if (isGroup(info)) {
      const group: GroupCard = new GroupCard(info, this.panel.items, pictures, {
        accept: () => this.accept(group), rename: (name) => this.rename(group, name), unfold: () => this.toggleOpen(group), merge: () => this.outbox.push("merge", { clusters: group.clusters }),
      });
      return group;
    }
    const card: ClusterCard = new ClusterCard(info, this.panel.items, pictures, this.listId, {
      accept: (review) => this.accept(card, review), rename: (name) => this.rename(card, name), open: () => this.toggleOpen(card), send: () => this.send(card), choose: () => this.choose(card),
      mark: (position) => this.mark(card, position), split: (out) => this.split(card, out), splitUp: () => this.splitUp(card, null),
    });
    return card;
  }

  private drawStandings(): void {
    for (const [i, info] of this.page.cards.entries()) {
      const card = this.cards[i];
      if (card instanceof GroupCard && isGroup(info)) {
        card.update(info);
        card.select(i === this.cursor);
      } else if (card instanceof ClusterCard && !isGroup(info)) {
        // A name on its way is the name: keys pressed before Python has answered go by it.
        const entry = this.outbox.latest(info.cluster);
        const pending = entry && (entry.kind === "accept" || entry.state === "unsaved") ? entry.state : undefined;
        card.update({ ...info, name: entry?.payload.name ?? info.name }, standingOf(info, pending), this.classes);
        card.setMarked(this.marks.of(info.cluster));
        card.select(i === this.cursor, this.chosen.has(info.cluster));
      }
    }
    this.bar.update(this.page, this.chosen.size, !this.panel.config.bank && this.panel.state.can_search_text, this.classes.length);
    this.marksBar.update();
    this.save.update(this.outbox);
    this.undoBar.set(this.page.can_undo || this.panel.state.can_undo || this.outbox.size > 0, this.page.can_redo || this.panel.state.can_redo);
  }

  // The cursor ----------------------------------------------------------------------------------------------------------

  private current(): Card | undefined {
    return this.cards[this.cursor];
  }

  private cluster(): ClusterCard | undefined {
    const card = this.current();
    return card instanceof ClusterCard ? card : undefined;
  }

  private place(at: number, focus = true): void {
    this.cursor = Math.max(0, Math.min(at, this.cards.length - 1));
    this.cards.forEach((card, i) => (card instanceof ClusterCard ? card.select(i === this.cursor, this.chosen.has(card.cluster)) : card.select(i === this.cursor)));
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
    if (this.change.open) return this.change.close();
    if (this.opened) return this.toggleOpen(this.cards.find((card) => card.key === `c${this.opened?.cluster}`));
    this.chosen.clear();
    this.marks.clear();
    this.drawStandings();
    this.place(this.cursor);
  }

  // What is done with clusters ------------------------------------------------------------------------------------------

  private accept(card?: Card, review = false): void {
    if (!card) return;
    if (card instanceof GroupCard) return void this.outbox.push("accept", { clusters: card.clusters });
    if (!card.name) {
      this.panel.status.set("Name this cluster first: type a name, or press a class's key.");
      card.field.focus();
      return;
    }
    const marks = this.marks.of(card.cluster);
    this.outbox.push("accept", { cluster: card.cluster, name: card.name, ...(marks.size ? { exceptions: [...marks], review } : {}) }, [card.cluster]);
    marks.clear();
    if (!this.opened && this.grid.contains(focusedIn(this.grid))) this.place(Math.min(this.cards.indexOf(card) + 1, this.cards.length - 1));
  }

  private rename(card: Card, name: string): void {
    if (card instanceof GroupCard) this.outbox.push("name", { clusters: card.clusters, name: name.trim() });
    else this.outbox.push("name", { cluster: card.cluster, name: name.trim() }, [card.cluster]);
  }

  private nameAs(position: number): void {
    const card = this.current();
    if (!card) return;
    card.field.value = this.classes[position];
    this.rename(card, this.classes[position]);
  }

  private choose(card?: Card): void {
    if (!(card instanceof ClusterCard)) return;
    if (!this.chosen.delete(card.cluster)) this.chosen.add(card.cluster);
    this.drawStandings();
    this.panel.status.set(this.chosen.size ? `${count(this.chosen.size, "cluster")} chosen.` : "");
  }

  private merge(): void {
    const card = this.current();
    if (this.chosen.size < 2 && card instanceof GroupCard) return void this.outbox.push("merge", { clusters: card.clusters });
    if (this.chosen.size < 2) return this.panel.status.set("Choose two clusters with space, then press m.");
    this.outbox.push("merge", { clusters: [...this.chosen] });
    this.chosen.clear();
    this.drawStandings();
  }

  private mark(card: ClusterCard, position: number): void {
    const marks = this.marks.of(card.cluster);
    if (!marks.delete(position)) marks.add(position);
    this.drawStandings();
    if (this.opened?.cluster === card.cluster) this.opened.drawMarks();
  }

  private markedBy(told: { marks: Record<string, number[]>; n: number; marking: number }): void {
    this.marks.take(told);
    this.opened?.drawMarks();
    this.drawStandings();
  }

  /** All that is marked, from whichever clusters, becomes a cluster of its own. */
  private gather(): void {
    if (!this.marks.size) return this.panel.status.set("Mark items first: press on them, or draw around some on a map that the board follows (l).");
    this.outbox.push("gather", this.marks.payload);
    this.marks.clear();
    this.drawStandings();
  }

  private split(card: Card | undefined, out: boolean): void {
    if (!(card instanceof ClusterCard)) return;
    const marks = this.marks.of(card.cluster);
    if (!marks.size) return this.panel.status.set("Mark items first: press on them, or open the cluster with e. To split all of it up, press k.");
    this.outbox.push("split", { cluster: card.cluster, positions: [...marks], out });
    marks.clear();
    this.drawStandings();
    (this.opened ?? card.element).focus();
  }

  private splitUp(card: Card | undefined, k: number | null): void {
    if (!(card instanceof ClusterCard)) return;
    if (!this.panel.config.foldable) return this.panel.status.set("These clusters come without embeddings, so nothing tells parts apart: mark items, and split them off.");
    this.panel.status.set(`Splitting cluster ${card.cluster} up …`);
    this.outbox.push("split", { cluster: card.cluster, k });
  }

  private send(card?: Card): void {
    if (card instanceof ClusterCard) this.outbox.push("send", { cluster: card.cluster });
  }

  private takeBack(redo: boolean): void {
    if (!redo && this.outbox.cancelLast()) return this.panel.status.set("The unsaved step was dropped.");
    this.outbox.push("take_back", { redo });
  }

  private toggleOpen(card?: Card): void {
    if (!card) return;
    if (card instanceof GroupCard) {
      const open = new Set<number>(this.panel.model.get("unfolded"));
      if (!open.delete(card.group)) open.add(card.group);
      return void this.ask({ unfolded: [...open] });
    }
    const close = this.opened?.cluster === card.cluster;
    for (const other of this.cards) if (other instanceof ClusterCard) other.setOpen(other === card && !close);
    this.opened = null;
    if (close) return this.place(this.cards.indexOf(card));
    const opened = new OpenedCluster(this.panel, card.cluster, card.opened, this.marks.of(card.cluster), () => { opened.drawMarks(); this.drawStandings(); }, (k) => this.splitUp(card, k), (review) => this.accept(card, review));
    this.opened = opened;
    void this.panel.attempt(() => opened.load()).then((loaded) => loaded && this.opened === opened && opened.focus());
  }

  private saved(entry: Entry, answer: Content): void {
    const { name, cluster } = entry.payload as { name?: string; cluster?: number }, info = this.page.cards.find((one) => !isGroup(one) && one.cluster === cluster);
    if (info && name !== undefined) info.name = name;
    if (answer.offer) this.change.show(this.classes, answer.offer as ClassChange);
    this.head.progress.worked(answer.labelled ?? 0);
    if (entry.kind === "gather") this.wanted = `c${answer.cluster}`;
    const said = savedWords(entry.kind, entry.payload, answer);
    if (entry.kind === "send") this.panel.toasts.say(said);
    else if (said) this.panel.status.set(said);
    this.refresh();
  }
}
