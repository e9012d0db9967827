/**
 * The colours of classes: twelve, told apart by people with the common kinds of colour blindness, stable by the class's position.
 * labelnb/widgets/palette.py holds the same; a test asserts that they are equal. From the thirteenth class on the colours repeat:
 * names and keys, never the colour alone, say what a class is. They are the twelve whose closest pair lies farthest apart in OKLab (.17
 * for normal sight; .08 under full protanopia, deuteranopia and tritanopia, simulated after Machado et al. 2009), the first ones first.
 */
export const PALETTE = [
  "#0968ba", "#f2801e", "#116243", "#c26081", "#25a4bf", "#d9c505",
  "#803488", "#17db98", "#a31e12", "#9b7bf0", "#8f7212", "#acc3f1",
] as const;

/** Points and items without a label. */
export const NEUTRAL = { light: "#a9adb3", dark: "#5d636b" } as const;

/** Seven steps from unsure to sure, for confidence; readable on light and on dark. */
export const RAMP = ["#7a4fb0", "#5b6cc4", "#3b86c0", "#2b9ca8", "#3cae86", "#7dbb5c", "#c2c03c"] as const;

/** Colour of the class at `position`, as #rrggbb. */
export function classColour(position: number): string {
  return PALETTE[((position % PALETTE.length) + PALETTE.length) % PALETTE.length];
}

/** [red, green, blue], each 0-255, of "#rrggbb". */
export function rgb(colour: string): [number, number, number] {
  const value = parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
