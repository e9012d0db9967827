/** The theme as code needs it (canvas, WebGL), and word when it changes. The look itself is theme.css. */
import css from "./theme.css?inline";
import { NEUTRAL } from "./palette";

export { css as themeCss };

export interface Theme {
  dark: boolean;
  background: [number, number, number];
  ink: [number, number, number];
  /** Colour of what has no label, "#rrggbb". */
  neutral: string;
}

/** Reads the theme from computed colours, so that every host and every custom theme is right. Sets data-dark and --lnb-neutral on the root. */
export function readTheme(root: HTMLElement): Theme {
  const background = parse(getComputedStyle(root).backgroundColor) ?? [255, 255, 255];
  const dark = luminance(background) < 0.4;
  root.toggleAttribute("data-dark", dark);
  const neutral = dark ? NEUTRAL.dark : NEUTRAL.light;
  root.style.setProperty("--lnb-neutral", neutral);
  const ink = parse(getComputedStyle(root).color) ?? (dark ? [241, 242, 243] : [22, 25, 29]);
  return { dark, background, ink, neutral };
}

/** Calls back when the host's theme or the system's colour scheme changes; returns how to stop. */
export function onThemeChange(callback: () => void): () => void {
  const observer = new MutationObserver(() => requestAnimationFrame(callback));
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-name", "data-jp-theme-light", "data-theme", "data-vscode-theme-kind"] });
  }
  const scheme = window.matchMedia?.("(prefers-color-scheme: dark)");
  scheme?.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    scheme?.removeEventListener("change", callback);
  };
}

function parse(colour: string): [number, number, number] | null {
  const parts = colour.match(/[\d.]+/g)?.map(Number);
  if (!parts || parts.length < 3 || (parts.length > 3 && parts[3] === 0)) return null;
  const scale = colour.startsWith("color(") ? 255 : 1;
  return [parts[0] * scale, parts[1] * scale, parts[2] * scale];
}

function luminance([r, g, b]: [number, number, number]): number {
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}
