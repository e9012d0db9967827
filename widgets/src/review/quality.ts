/** What a review is worth: planted errors caught, the proposal's share of right ones, what that makes of the labels; or an audit's certificate. */
import { fill, h, number, percent } from "../shared/dom";

export interface Certificate {
  checked: number;
  sample: number;
  left: number;
  correct: number;
  population: number;
  accuracy_bound: number;
  observed_accuracy: number | null;
  confidence: number;
  target: number | null;
  more_checks?: number | null;
}

export interface Quality {
  seen: number;
  corrected: number;
  proposal_right: number | null;
  mixed_in: number;
  planted: number;
  caught: number;
  catch_low: number;
  catch_high: number;
  labels_right: number | null;
  labels_right_low: number | null;
  certificate?: Certificate;
}

/** Items seen before a share is said. */
const ENOUGH = 20;

/** The facts of a review, each [what it says, what it means]. */
export function facts(quality: Quality): [string, string][] {
  if (quality.certificate) return certificateFacts(quality.certificate);
  const found: [string, string][] = [];
  if (quality.planted) {
    const { caught, planted, catch_low: low, catch_high: high } = quality;
    found.push([`caught ${number(caught)} of ${number(planted)} planted errors (${percent(low)}–${percent(high)})`, "Items that are known already were shown with a wrong class. The range holds the true share with 95% confidence."]);
  }
  if (quality.proposal_right !== null && quality.seen >= ENOUGH) found.push([`proposal ${percent(quality.proposal_right)} right`, `${number(quality.corrected)} of ${number(quality.seen)} were corrected.`]);
  if (quality.labels_right !== null && quality.seen >= ENOUGH) {
    const low = quality.labels_right_low;
    found.push([`labels about ${percent(quality.labels_right)} right${low !== null ? `, ${percent(low)} at worst` : ""}`, "An estimate: errors corrected, and those that the catch rate says were missed. An audit gives a guarantee."]);
  }
  return found;
}

/** A lower bound is never rounded up. */
function bound(value: number): string {
  return `${(Math.floor(value * 1000 + 1e-9) / 10).toFixed(1)}%`;
}

function certificateFacts(made: Certificate): [string, string][] {
  const found: [string, string][] = [[`checked ${number(made.checked)} of ${number(made.sample)} drawn at random`, "Nothing is filled in, so that each answer is your own."]];
  if (made.checked) found.push([`at least ${bound(made.accuracy_bound)} of ${number(made.population)} right (${percent(made.confidence)} sure)`, `${number(made.correct)} of ${number(made.checked)} checked were right. An exact limit for a finite population.`]);
  if (made.checked && made.target !== null) {
    const more = made.more_checks;
    found.push([more === null || more === undefined ? `${percent(made.target)} is out of reach` : more > 0 ? `about ${number(more)} more checks for ${percent(made.target)}` : `${percent(made.target)} reached`, "At the error rate seen so far."]);
  }
  return found;
}

export class QualityLine {
  readonly element = h("div", { class: "lnb-review-quality", role: "note", "aria-label": "Quality of this review", hidden: true });
  private before = "";

  /** `mixed` says openly that checks are mixed in. */
  set(quality: Quality | undefined, mixed: boolean): void {
    if (!quality) return;
    const shown = facts(quality);
    const now = JSON.stringify([shown, quality.mixed_in, mixed]);
    if (now === this.before) return;
    this.before = now;
    const open = mixed && (quality.mixed_in ? "Checks are mixed in: a few items are known already and shown with a wrong class. They never become labels." : "No checks are mixed in: too few items are known yet.");
    this.element.hidden = !open && !shown.length;
    fill(this.element, open && h("span", { class: "lnb-quiet" }, open), ...shown.map(([text, title]) => h("span", { class: "lnb-review-fact", title }, text)));
  }
}
