/** Whether to believe it: seeds that their neighbourhood contradicts, hubs, what is out of reach, and how much hangs on the settings. */
import { count, fill, h, number, percent, setText } from "../shared/dom";
import { swatch } from "../shared/classes";
import type { Panel } from "../shared/panel";
import { SmallItem } from "../shared/small_item";
import { sparkline, type Chart } from "./small_charts";

interface Found {
  values: { homophily: number | null; known_edges: number; seeds: number; disagreeing: number; left_out_right: number | null; hubs: number; unreached: number };
  disagree: { item: number; label: string; says: string; margin: number }[];
  hubs: { item: number; edges: number; times: number }[];
  unreached: number[];
}

export class Checks {
  readonly element: HTMLElement;
  readonly toggle: HTMLButtonElement;
  private readonly head = h("p", { class: "lnb-checks-head", role: "status" });
  private readonly parts = h("div", { class: "lnb-checks-parts" });
  private readonly charts = h("div", { class: "lnb-checks-charts" });
  private readonly ask: HTMLButtonElement;
  private stale = true;

  constructor(private readonly panel: Panel, private readonly pictures: boolean, private readonly classes: () => readonly string[], private readonly onPick: (item: number) => void) {
    this.toggle = h("button", { class: "lnb-button", type: "button", "aria-pressed": "false", "aria-keyshortcuts": "Shift+d", onclick: () => this.open(this.element.hidden === true) }, "Checks", h("span", { class: "lnb-key", "aria-hidden": "true" }, "D"));
    this.ask = h("button", { class: "lnb-button", type: "button", onclick: () => void this.sensitivity() }, "How much hangs on the settings?");
    this.element = h("section", { class: "lnb-checks", "aria-label": "Checks", hidden: true }, h("div", { class: "lnb-caps" }, "Whether to believe it"), this.head, this.parts, h("div", {}, this.ask), this.charts);
  }

  open(shown: boolean): void {
    this.element.hidden = !shown;
    this.toggle.setAttribute("aria-pressed", String(shown));
    if (shown) void this.load();
  }

  /** The proposal is another one. */
  renew(): void {
    this.stale = true;
    fill(this.charts);
    this.ask.hidden = false;
    if (!this.element.hidden) void this.load();
  }

  private async load(): Promise<void> {
    if (!this.stale) return;
    this.stale = false;
    setText(this.head, "Looking …");
    const fine = await this.panel.attempt(async () => this.draw((await this.panel.channel.request("checks")).content as unknown as Found));
    if (fine) return;
    this.stale = true;
    setText(this.head, "This proposal could not be checked.");
  }

  private draw({ values, disagree, hubs, unreached }: Found): void {
    const said = [
      values.homophily === null ? "No edge joins two labelled items yet, so nothing is known of how far neighbours agree." : `${percent(values.homophily)} of the weight between labelled items joins one class (${count(values.known_edges, "edge")}).`,
      values.left_out_right !== null && `Each left out in turn, ${percent(values.left_out_right)} of ${count(values.seeds, "labelled item")} would get their label from the others.`,
    ].filter(Boolean);
    setText(this.head, said.join(" "));
    fill(this.parts,
      this.list("Labels that their neighbourhood contradicts", disagree.length, values.disagreeing, "None: every labelled item would get its label from the others.", disagree.map(({ item, label, says }) =>
        this.row(item, [swatch(this.classes().indexOf(label)), this.name(label), h("span", { class: "lnb-quiet" }, "others say"), swatch(this.classes().indexOf(says)), this.name(says)], `labelled ${label}, the others say ${says}`))),
      this.list("Hubs: neighbours of very many", hubs.length, values.hubs, "None: no item has more than four times the usual edges.", hubs.map(({ item, edges, times }) =>
        this.row(item, [h("span", {}, `${count(edges, "edge")}, ${times.toFixed(1)} times the usual`)], `${count(edges, "edge")}`))),
      this.list("Out of reach of every label", unreached.length, values.unreached, "None: some path leads from a label to every item.", unreached.map((item) => this.row(item, [], "nothing reaches it"))));
  }

  private name(name: string): HTMLElement {
    return h("span", { dir: "auto" }, name);
  }

  private list(title: string, shown: number, all: number, none: string, rows: HTMLElement[]): HTMLElement {
    const list = rows.length ? h("ul", { class: "lnb-why-list lnb-changed", "aria-label": title }, ...rows) : h("p", { class: "lnb-quiet" }, none);
    return h("div", { class: "lnb-checks-part" }, h("div", { class: "lnb-caps" }, title, all ? ` · ${number(all)}` : ""), list, all > shown && h("p", { class: "lnb-quiet" }, `${number(shown)} are listed.`));
  }

  private row(item: number, parts: HTMLElement[], says: string): HTMLElement {
    const picture = new SmallItem(this.panel.items, item, this.pictures ? 88 : 16);
    picture.element.classList.add("lnb-why-mini");
    const told = h("span", { class: "lnb-hidden" });
    picture.onText(() => { picture.element.title = picture.text; if (this.pictures) setText(told, picture.text); });
    const words = parts.length ? parts : [h("span", { class: "lnb-hidden" }, says)];
    return h("li", {}, h("button", { class: "lnb-why-row lnb-changed-row", type: "button", title: says, onclick: () => this.onPick(item) }, picture.element, told, h("span", { class: "lnb-changed-words" }, ...words)));
  }

  private async sensitivity(): Promise<void> {
    this.ask.disabled = true;
    fill(this.charts, h("p", { class: "lnb-quiet", role: "status" }, "Running the method with other settings …"));
    const fine = await this.panel.attempt(async () => {
      const { content } = await this.panel.channel.request("sensitivity", {}, [], 600_000);
      fill(this.charts, ...(content.charts as Chart[]).map(sparkline));
      this.ask.hidden = true;
    });
    this.ask.disabled = false;
    if (!fine) fill(this.charts);
  }
}
