/** What is marked on the whole board, and what can be made of it: a line that stands while anything is. */
import { count, h, number, setText } from "../shared/dom";
import type { Marks } from "./marks";

export interface MarksActions {
  gather(): void;
  letGo(): void;
}

export class MarksBar {
  readonly element: HTMLElement;
  private readonly said = h("span", { class: "lnb-board-marks-said", role: "status" });

  constructor(private readonly marks: Marks, actions: MarksActions) {
    const button = (what: string, key: string, act: () => void) =>
      h("button", { class: "lnb-button", type: "button", "aria-keyshortcuts": key === "esc" ? "Escape" : key, onclick: act }, what, h("span", { class: "lnb-key", "aria-hidden": "true" }, key));
    this.element = h("div", { class: "lnb-board-strip lnb-board-marks", role: "group", "aria-label": "Marked items", hidden: true }, this.said,
      button("New cluster of these", "g", () => actions.gather()), button("Let go", "esc", () => actions.letGo()));
  }

  update(): void {
    const { clusters, size } = this.marks;
    this.element.hidden = size === 0;
    if (!size) return setText(this.said, "");
    const named = clusters.filter((cluster) => cluster >= 0);
    const where = named.length === 1 ? `in cluster ${named[0]}` : `in ${count(named.length, "cluster")}`;
    const none = this.marks.of(-1).size;
    setText(this.said, `${count(size, "item")} marked ${named.length ? where : ""}${none ? `${named.length ? ", " : ""}${number(none)} in none` : ""}`.trim());
  }
}
