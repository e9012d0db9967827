/** The head of a board: its title, how far it is, the order, the pages. */
import { h, number, setText } from "../shared/dom";
import type { Panel } from "../shared/panel";
import { Progress } from "../shared/progress";
import type { BoardPage } from "./board_types";

export class BoardHead {
  readonly elements: HTMLElement[];
  readonly progress = new Progress("labelled", "Clusters labelled");
  private readonly sort: HTMLSelectElement;
  private readonly before: HTMLButtonElement;
  private readonly after: HTMLButtonElement;
  private readonly pages = h("span", { class: "lnb-quiet" });

  constructor(private readonly panel: Panel, actions: { turn(by: number): void; sort(name: string): void }) {
    this.sort = h("select", { class: "lnb-select", "aria-label": "Order", onchange: () => actions.sort(this.sort.value) },
      ...Object.entries(panel.config.sorts as Record<string, string>).map(([name, what]) => h("option", { value: name }, what)));
    this.before = h("button", { class: "lnb-button", type: "button", "aria-label": "Page before", onclick: () => actions.turn(-1) }, "‹");
    this.after = h("button", { class: "lnb-button", type: "button", "aria-label": "Next page", onclick: () => actions.turn(1) }, "›");
    this.elements = [h("h2", { class: "lnb-title lnb-board-title", dir: "auto" }, panel.config.title), this.progress.element,
      this.sort, h("div", { class: "lnb-board-pager", role: "group", "aria-label": "Pages" }, this.before, this.pages, this.after)];
  }

  update(page: BoardPage): void {
    const { progress } = page;
    const all = progress.clusters > 0 && progress.labelled === progress.clusters;
    this.progress.set(progress.labelled, progress.clusters, `${all ? "✓ " : ""}${number(progress.labelled)} / ${number(progress.clusters)} clusters · ${number(progress.items)} / ${number(progress.n_items)} items labelled`);
    this.sort.value = this.panel.model.get("sort");
    setText(this.pages, `${page.page + 1} of ${Math.max(page.pages, 1)}`);
    this.before.disabled = page.page <= 0;
    this.after.disabled = page.page >= page.pages - 1;
  }
}
