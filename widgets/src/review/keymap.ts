/** The keys of classes where many answers share the keyboard: 1 to 9, then a second row of letters; `0`, `x`, `u`, `r`, `o`, `h`, `n` mean other things. */
export const CLASS_KEYS: readonly string[] = [..."123456789", ..."qwetyip", ..."asdfgjkl", ..."zcvbm"];

/** The legend: the first of it is always visible. */
export const LEGEND: readonly (readonly [string, string])[] = [
  ["← → ↑ ↓", "move"],
  ["1–9", "label"],
  ["space", "accept item"],
  ["enter", "accept page"],
  ["x", "not this"],
  ["?", "unsure"],
  ["0", "not in the list"],
  ["u", "undo"],
  ["h", "all keys"],
];

export const MORE: readonly (readonly [string, string])[] = [
  ["q w e …", "label, from the tenth class"],
  [", 2", "this class or that: comma, then the other one"],
  ["/", "find a class by name"],
  ["n", "new class"],
  [".", "take the suggestion"],
  ["o", "not in the list"],
  ["backspace", "clear"],
  ["r", "redo"],
  ["shift ← → ↑ ↓", "select several"],
  ["+", "look closer"],
  ["-", "play, pause"],
  ["page down, page up", "next page, page before"],
  ["home, end", "first, last of the page"],
  ["esc", "let the selection go"],
];
