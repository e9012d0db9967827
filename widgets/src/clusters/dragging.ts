/** One card dropped on another merges them. */
export function dragToMerge(grid: HTMLElement, cards: () => readonly { element: HTMLElement; cluster: number }[], merge: (target: number, dragged: number) => void): void {
  let dragged = -1;
  const over = (event: DragEvent) => cards().find((card) => card.element.contains(event.target as Node) && card.cluster !== dragged);
  const mark = (target?: { element: HTMLElement }) => { for (const card of cards()) card.element.toggleAttribute("data-drop", card === target); };
  grid.addEventListener("dragstart", (event) => { dragged = cards().find((card) => card.element === event.target)?.cluster ?? -1; });
  grid.addEventListener("dragover", (event) => {
    const target = dragged >= 0 ? over(event) : undefined;
    mark(target);
    if (target) event.preventDefault();
  });
  grid.addEventListener("drop", (event) => {
    const target = over(event);
    mark();
    if (dragged < 0 || !target) return;
    event.preventDefault();
    merge(target.cluster, dragged);
    dragged = -1;
  });
  grid.addEventListener("dragend", () => { mark(); dragged = -1; });
}
