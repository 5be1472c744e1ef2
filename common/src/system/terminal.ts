import { plainText } from './plain-text.ts';

/** What a command answers: names of devices, of servers and of whoever else may hold what a terminal would obey. */
export function say(text: string): void {
  process.stdout.write(plainText(text));
}

/** What went wrong, for whoever typed the command. */
export function complain(text: string): void {
  process.stderr.write(plainText(text));
}
