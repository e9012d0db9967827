/** Cards of one width in straight columns, across groups. */

/** Width of a card at least: with pictures, with pictures and reasons, with texts; and the gap between two. */
const WIDTHS = { pictures: 116, reasons: 176, texts: 236, gap: 8 };

export function fitColumns(list: HTMLElement, reasons: boolean): void {
  const least = list.hasAttribute("data-texts") ? WIDTHS.texts : reasons ? WIDTHS.reasons : WIDTHS.pictures;
  const room = list.clientWidth;
  const columns = Math.max(1, Math.floor((room + WIDTHS.gap) / (least + WIDTHS.gap)));
  list.style.setProperty("--lnb-card-width", `${Math.floor((room - (columns - 1) * WIDTHS.gap) / columns)}px`);
}
