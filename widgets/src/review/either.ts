/** 'A or B': a comma, then the other class; where the item shows no class, two classes one after the other. */
import { words, type Label } from "./answers";

export interface EitherActions {
  /** The label that the current item shows. */
  shows(): Label | null;
  say(text: string): void;
  /** Both are known: `first`, or what the item shows where it is null, and the class at `position`. */
  both(first: string | null, position: number): void;
  waiting(waits: boolean): void;
}

export class Either {
  private first: string | null = null;
  waits = false;

  constructor(private readonly actions: EitherActions) {}

  /** The comma was pressed: wait for a class, or wait no more. */
  toggle(): void {
    if (this.waits) return this.stop();
    const label = this.actions.shows();
    this.wait(null, takes(label) ? `${words(label)} or …? Press another class.` : "Press two classes, one after the other.");
  }

  /** A class was pressed; false where it is none of this. */
  take(position: number, name: string): boolean {
    if (!this.waits) return false;
    if (this.first === null && !takes(this.actions.shows())) this.wait(name, `${name} or …? Press another class.`);
    else {
      const first = this.first;
      this.stop();
      this.actions.both(first, position);
    }
    return true;
  }

  stop(): void {
    this.first = null;
    this.waits = false;
    this.actions.waiting(false);
    this.actions.say("");
  }

  private wait(first: string | null, text: string): void {
    this.first = first;
    this.waits = true;
    this.actions.waiting(true);
    this.actions.say(text);
  }
}

function takes(label: Label | null): boolean {
  return label?.kind === "class" || label?.kind === "any";
}
