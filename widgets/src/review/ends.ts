/** What stands where no item does: nothing to review, no item that fits, all done, the end of the list. */
import { count, fill, h } from "../shared/dom";
import { state as drawnState } from "../shared/feedback";
import type { Page } from "./answers";

/** "37 items left to review." */
export function leftWords({ progress: { reviewed, total } }: Page): string {
  return total > reviewed ? `${count(total - reviewed, "item")} left to review.` : "Nothing is left to review.";
}

/** The list is empty: because nothing is there, all is done, or the filters leave nothing. */
export function emptyState({ progress: { reviewed, total } }: Page, only: string, unreviewed: boolean, showAll: () => void): HTMLElement {
  if (!total) return drawnState("Nothing to review", "No item is among those chosen. Call the review again with other items in only=, or without it for all.");
  const every = h("button", { class: "lnb-button", type: "button", onclick: showAll }, "Show all items");
  if (reviewed < total) return drawnState("No items here", only ? `No ${unreviewed ? "unreviewed " : ""}items show “${only}”.` : "", every);
  const done = drawnState("All reviewed", `${count(total, "item")} decided and kept.`, every);
  done.prepend(h("span", { class: "lnb-done-mark", "aria-hidden": "true" }, "✓"));
  return done;
}

/** Below the last page: what is left, and the way there. */
export function drawEnd(element: HTMLElement, page: Page, showLeft: () => void): void {
  element.hidden = page.number < page.pages - 1 || page.items.length === 0;
  if (element.hidden) return;
  const left = page.progress.total - page.progress.reviewed;
  const again = h("button", { class: "lnb-button", type: "button", onclick: showLeft }, "Show only those");
  fill(element, h("span", {}, left ? `End of the list. ${leftWords(page)}` : "Everything is reviewed."), left > 0 && again);
}
