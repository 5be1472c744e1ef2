import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ROOT } from '../programs.ts';

/** What a phone is made of: a board, and a kit of sound and controls that is fitted to it. */

const text = z.string().check(z.minLength(1));
const texts = z.array(text);

const Board = z.strictObject({
  title: text,
  /** How `/proc/device-tree/model` begins: the package's first guess at the board. */
  model: text,
  architectures: texts,
  /** Label of the chip behind the 40-pin header. */
  gpioChip: text,
  /** Whether Debian's own kernel will do, that is, whether there can be an image. If so: names of the board, by firmware and kernel. */
  debianKernel: z.union([
    z.strictObject({ firmwareName: text, deviceTree: text }),
    /** A sentence without its full stop. */
    z.strictObject({ obstacle: text }),
  ]),
  power: text,
  /** What a USB plug of ordinary size needs. */
  usbAdapter: z.optional(text),
  /** Kits that fit. The first one is guessed when the package is installed. */
  kits: texts.check(z.minLength(1)),
  notes: texts,
});
export type Board = z.infer<typeof Board>;

const wire = { line: z.int(), pin: z.int(), groundPin: z.int(), activeLow: z.boolean() };

const Kit = z.strictObject({
  title: text,
  /** As in the profile. */
  sound: z.looseObject({ echoCancellation: z.optional(z.looseObject({ config: text })) }),
  switch: z.strictObject({
    kind: z.enum(['cradle', 'button']),
    ...wire,
    bias: z.enum(['pull-up', 'pull-down', 'off']),
  }),
  led: z.strictObject(wire),
  /** Lines for the boot partition's config.txt. */
  boot: texts,
  /** Why Debian's own kernel will not do: a sentence without its full stop. */
  debianObstacle: z.optional(text),
  /** Whether the sound card has a USB plug. */
  usb: z.boolean(),
  parts: texts,
  /** About its sound, for the wiring page. */
  about: text,
  /** How its sound is connected, for the drawing. */
  drawing: text,
  notes: texts,
});
export type Kit = z.infer<typeof Kit>;

/** One phone that can be built. */
export interface Build {
  /** The profile's name, which `--board` takes. */
  readonly name: string;
  readonly board: Board;
  readonly kit: Kit;
  readonly kitName: string;
  /** Of the kit's configuration files. */
  readonly kitFolder: string;
}

/** `hardware/`, where the data and what is rendered from them stand. */
export const HARDWARE = join(ROOT, 'hardware');

/** Every board, by its name, which is its file's. @throws {Error} names the file and the field that is wrong */
export function readBoards(folder = join(HARDWARE, 'boards')): Map<string, Board> {
  const files = readdirSync(folder).sort();
  return new Map(files.map((file) => [file.replace(/\.json$/, ''), readJson(Board, join(folder, file))]));
}

/** Every board with every kit that fits it. @throws {Error} as `readBoards` */
export function readBuilds(hardware = HARDWARE): Build[] {
  return [...readBoards(join(hardware, 'boards'))].flatMap(([name, board]) =>
    board.kits.map((kitName) => {
      const kitFolder = join(hardware, 'kits', kitName);
      const kit = readJson(Kit, join(kitFolder, 'kit.json'));
      return { name: `${name}-${kitName}`, board, kit, kitName, kitFolder };
    }),
  );
}

export function titleOf({ board, kit }: Build): string {
  return `${board.title} with ${kit.title}`;
}

/** Why Debian's own kernel will not do; undefined: it will. */
export function debianObstacle({ board, kit }: Build): string | undefined {
  return 'obstacle' in board.debianKernel ? board.debianKernel.obstacle : kit.debianObstacle;
}

function readJson<T>(schema: z.ZodMiniType<T>, file: string): T {
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${file}: ${issue!.path.join('.')}: ${issue!.message}`);
}
