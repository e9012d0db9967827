/** The keys, below the board: the common ones, or all. */
import { fill, h } from "../shared/dom";
import { keyLegend } from "../shared/feedback";
import { LEGEND, MORE } from "./words";

export class BoardLegend {
  readonly element = h("div", { class: "lnb-legend" });
  private whole = true;

  constructor() {
    this.toggle();
  }

  toggle(): void {
    this.whole = !this.whole;
    fill(this.element, keyLegend([...LEGEND, ...(this.whole ? MORE : [])].map(([key, what]) => [key, what])));
  }
}
