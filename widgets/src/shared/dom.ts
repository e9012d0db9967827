/** Building elements. Text only ever goes in through textContent, so that no item, class or file name can become markup. */

type Value = string | number | boolean | null | undefined | EventListener;
export type Attributes = Record<string, Value>;
export type Child = Node | string | null | undefined | false;

/**
 * An element. `h("button", { class: "lnb-button", onclick: f, "aria-label": "Undo" }, "Undo")`.
 * Keys that start with `on` are listeners; `true` sets an empty attribute, `false`, null and undefined none; strings among the children become text.
 */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  fill(element, ...children);
  return element;
}

/** What has the focus where `node` is: in a shadow root (marimo) the document only knows its host. */
export function focusedIn(node: Node): HTMLElement | null {
  const root = node.getRootNode() as Document | ShadowRoot;
  return (root.activeElement ?? null) as HTMLElement | null;
}

/** Replaces the children of `element`. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
}

/** Sets `text` only where it differs, so that screen readers and selections are left alone. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** 12,345 with the thousands set off by a thin space: tabular and the same in every language. */
export function number(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/** 0.934 -> "93%"; one decimal below 1% and above 99% unless exact. */
export function percent(value: number): string {
  const hundred = value * 100;
  const edge = (hundred > 0 && hundred < 1) || (hundred > 99 && hundred < 100);
  return `${edge ? hundred.toFixed(1) : Math.round(hundred)}%`;
}

/** The plural of `word`: count(1, "item") is "1 item". */
export function count(n: number, word: string, plural = `${word}s`): string {
  return `${number(n)} ${n === 1 ? word : plural}`;
}
