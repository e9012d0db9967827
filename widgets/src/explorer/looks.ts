/** How each point looks, one byte a point: five bits of colour, then selected, marked (a search result), faint (filtered out). */
import type { Bits } from "../shared/bits";
import { PALETTE, RAMP, rgb } from "../shared/palette";
import type { Theme } from "../shared/theme";

export const SELECTED = 32;
export const MARKED = 64;
export const FAINT = 128;
export const NONE_COLOUR = 12;
export const OTHER_COLOUR = 13;
export const RAMP_START = 16;

/** `label`, `proposal`, `confidence`, or the name of a column. */
export type ColourBy = string;

/** Codes of one colouring: a class or category (or 0 ... 254 on a scale), or `none`, or `other` (an answer that is not one class). */
export interface Codes {
  by: ColourBy;
  values: Uint8Array | Uint16Array;
  none: number;
  other: number;
  /** A scale from low to high, not groups. */
  ramp: boolean;
  /** Of a column's categories; null where the groups are the classes. */
  names: string[] | null;
  low?: number | null;
  high?: number | null;
  /** Place in the palette of each group, where it is not the group's own place. */
  hues?: number[] | null;
}

/** Place in the palette of a group. */
export function hueOf(codes: Codes, group: number): number {
  return codes.hues?.[group] ?? group;
}

/** The group that a code belongs to in the legend: its class, its seventh of the confidences, -1 for none, -2 for other. */
export function groupOf(codes: Codes, code: number): number {
  if (code === codes.none) return -1;
  if (code === codes.other) return -2;
  return codes.ramp ? Math.min(RAMP.length - 1, Math.floor((code / 254) * RAMP.length)) : code;
}

/** Colour index, 0-31, of every code. */
function colourTable(codes: Codes): Uint8Array {
  const table = new Uint8Array(codes.none + 1);
  for (let code = 0; code <= codes.none; code++) {
    const group = groupOf(codes, code);
    table[code] = group === -1 ? NONE_COLOUR : group === -2 ? OTHER_COLOUR : codes.ramp ? RAMP_START + group : hueOf(codes, group) % PALETTE.length;
  }
  return table;
}

/** Writes the looks of all points into `out`. `shown` says which legend groups are not filtered out (null: all). */
export function writeLooks(out: Uint8Array, codes: Codes, shown: ((group: number) => boolean) | null, selected: Bits | null, marked: Bits | null): void {
  const table = colourTable(codes);
  if (shown) for (let code = 0; code < table.length; code++) if (!shown(groupOf(codes, code))) table[code] |= FAINT;
  const values = codes.values;
  for (let i = 0; i < out.length; i++) out[i] = table[values[i]];
  if (selected) addFlag(out, selected, SELECTED);
  if (marked) addFlag(out, marked, MARKED);
}

function addFlag(out: Uint8Array, bits: Bits, flag: number): void {
  const bytes = bits.bytes;
  for (let b = 0; b < bytes.length; b++) {
    const byte = bytes[b];
    if (!byte) continue;
    for (let i = b << 3, end = Math.min(out.length, i + 8); i < end; i++) if (byte & (1 << (i & 7))) out[i] |= flag;
  }
}

/** Points a group: index 0 is none, 1 other, then the groups. */
export function countGroups(codes: Codes, groups: number): { none: number; other: number; groups: Float64Array } {
  const tally = new Float64Array(codes.none + 1);
  for (let i = 0; i < codes.values.length; i++) tally[codes.values[i]]++;
  const counts = { none: tally[codes.none], other: tally[codes.other] ?? 0, groups: new Float64Array(groups) };
  for (let code = 0; code < codes.none; code++) {
    const group = groupOf(codes, code);
    if (group >= 0 && group < groups) counts.groups[group] += tally[code];
  }
  return counts;
}

/** The 32 colours as 0-1 triples for the shader, and as 0-255 for the canvas. */
export function colours(theme: Theme): Float32Array {
  const table = new Float32Array(32 * 3);
  const set = (k: number, [r, g, b]: readonly number[]) => table.set([r / 255, g / 255, b / 255], 3 * k);
  PALETTE.forEach((colour, k) => set(k, rgb(colour)));
  set(NONE_COLOUR, rgb(theme.neutral));
  set(OTHER_COLOUR, theme.ink);
  RAMP.forEach((colour, k) => set(RAMP_START + k, rgb(colour)));
  return table;
}
