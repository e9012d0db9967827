/**
 * The colours of classes: twelve, told apart by people with the common kinds of colour blindness, stable by the class's position.
 * labelnb/widgets/palette.py holds the same; a test asserts that they are equal. From the thirteenth class on the colours repeat:
 * names and keys, never the colour alone, say what a class is.
 */
export const PALETTE = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9",
  "#8f7a00", "#7b4fb5", "#8c2d04", "#3bbf3b", "#d6336c", "#5b6b7a",
] as const;

/** Points and items without a label. */
export const NEUTRAL = { light: "#a9adb3", dark: "#5d636b" } as const;

/** Seven steps from unsure to sure, for confidence; readable on light and on dark. */
export const RAMP = ["#8d4a9e", "#6f63b5", "#4a7cbd", "#2f93ad", "#35a78b", "#6db65f", "#b9bd3c"] as const;

/** Colour of the class at `position`, as #rrggbb. */
export function classColour(position: number): string {
  return PALETTE[((position % PALETTE.length) + PALETTE.length) % PALETTE.length];
}

/** [red, green, blue], each 0-255, of "#rrggbb". */
export function rgb(colour: string): [number, number, number] {
  const value = parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
