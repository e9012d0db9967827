/** What is in no cluster, and what was sent to review, below the cards. */
import { count, fill, h } from "../shared/dom";
import type { BoardPage } from "./board_types";

export class Outliers {
  readonly element = h("div", { class: "lnb-board-outliers", hidden: true });

  constructor(private readonly send: () => void) {}

  update({ progress }: BoardPage): void {
    this.element.hidden = progress.outliers === 0 && progress.sent === 0;
    fill(this.element, progress.outliers > 0 && `${count(progress.outliers, "item")} in no cluster.`,
      progress.outliers > 0 && h("button", { class: "lnb-button", type: "button", onclick: () => this.send() }, "Send to review"),
      progress.sent > 0 && `${count(progress.sent, "item")} sent to review: board.review() in a cell opens them.`);
  }
}
