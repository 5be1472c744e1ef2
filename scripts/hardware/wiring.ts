import { debianObstacle, titleOf } from './data.ts';
import type { Build, Kit } from './data.ts';

/** The wiring page of a profile, for the technician who builds the phone: Markdown, and a drawing. */

interface SwitchText {
  readonly part: string;
  readonly label: string;
  readonly action: string;
  readonly drawn: string;
}

const SWITCHES: Readonly<Record<Kit['switch']['kind'], SwitchText>> = {
  cradle: {
    part: 'Hook switch',
    label: 'Hook switch of the handset',
    action: 'open while the handset is lifted',
    drawn: 'closed while the handset is down',
  },
  button: { part: 'Push button', label: 'Push button', action: 'closed while pressed', drawn: 'closed while pressed' },
};

export function wiringPage(build: Build): string {
  const { name, board } = build;
  return `# ${titleOf(build)}

<!-- Rendered by \`npm run hardware\` from hardware/boards and hardware/kits. -->

\`--board ${name}\` · ${board.architectures.join(', ')}

![wiring](wiring.svg)

${connections(build)}
## Parts
${bullets(partsOf(build))}
## Sound
${build.kit.about}

## Boot
Lines for \`/boot/firmware/config.txt\` ([config.txt](config.txt)):

\`\`\`
${build.kit.boot.join('\n')}
\`\`\`

## Notes
${bullets(notesOf(build))}`;
}

function connections({ board, kit }: Build): string {
  const { part, action } = SWITCHES[kit.switch.kind];
  const { switch: hook, led } = kit;
  return `| part | header pin | line of \`${board.gpioChip}\` | how |
| --- | --- | --- | --- |
| ${part} | ${hook.pin} | ${hook.line} | to ground (pin ${hook.groundPin}); ${action}; ${hook.bias}; ${activity(hook)} |
| LED | ${led.pin} | ${led.line} | through 330 Ω to ground (pin ${led.groundPin}); ${activity(led)} |
`;
}

function activity({ activeLow }: Pick<Kit['led'], 'activeLow'>): string {
  return activeLow ? 'active low' : 'active high';
}

function partsOf({ board, kit }: Build): string[] {
  return [
    `1 ${board.title}`,
    board.power,
    'micro-SD card, 8 GB or more, of a "high endurance" type',
    ...(kit.usb && board.usbAdapter !== undefined ? [board.usbAdapter] : []),
    ...kit.parts,
    'LED, green or white, and a resistor of 330 Ω',
    'jumper wires',
  ];
}

function notesOf(build: Build): string[] {
  const obstacle = debianObstacle(build);
  return [
    ...(obstacle === undefined ? [] : [`Needs Raspberry Pi OS: ${obstacle}. Install the Debian package on it.`]),
    ...build.board.notes,
    ...build.kit.notes,
  ];
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}\n`).join('');
}

/** Colours of the wires, by what they carry. */
const COLOURS = { switch: '#c0392b', led: '#27ae60', ground: '#2c3e50' } as const;
const PIN_COLOUR = '#caa84a';

interface Wire {
  readonly pin: number;
  readonly text: string;
  readonly colour: string;
  /** Where the wire ends at the part on the right. */
  readonly y: number;
}

/** On a white ground of its own, so that it can be read on a dark page too. */
export function drawing(build: Build): string {
  const title = titleOf(build);
  const { label, drawn } = SWITCHES[build.kit.switch.kind];
  const wires = wiresOf(build.kit);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 330" font-family="sans-serif" font-size="13">
<title>${title}: wiring</title>
<rect width="720" height="330" rx="10" fill="#fff"/>
<rect x="20" y="40" width="330" height="270" rx="10" fill="#eef5ee" stroke="#4b8b4b"/>
<text x="185" y="28" text-anchor="middle" font-weight="bold">${title}</text>
<rect x="120" y="55" width="50" height="244" fill="#333"/>
${header(wires)}
${wires.map(wirePath).join('\n')}
${partBox(80, label, drawn)}
${partBox(190, 'LED', '330 Ω in series, long leg to the GPIO')}
<text x="375" y="295">${build.kit.drawing}</text>
</svg>
`;
}

function wiresOf({ switch: hook, led }: Kit): Wire[] {
  const ground = (pin: number, y: number): Wire => ({ pin, text: `pin ${pin} · ground`, colour: COLOURS.ground, y });
  return [
    { pin: hook.pin, text: `pin ${hook.pin} · GPIO ${hook.line}`, colour: COLOURS.switch, y: 95 },
    ground(hook.groundPin, 125),
    { pin: led.pin, text: `pin ${led.pin} · GPIO ${led.line}`, colour: COLOURS.led, y: 205 },
    ground(led.groundPin, 235),
  ];
}

const HEADER_PINS = 40;

/** Odd pins stand in the left column, even ones in the right. */
function placeOf(pin: number): { x: number; y: number } {
  return { x: pin % 2 === 1 ? 134 : 156, y: 63 + 12 * Math.floor((pin - 1) / 2) };
}

function header(wires: readonly Wire[]): string {
  return Array.from({ length: HEADER_PINS }, (_, index) => {
    const { x, y } = placeOf(index + 1);
    const colour = wires.find(({ pin }) => pin === index + 1)?.colour ?? PIN_COLOUR;
    return `<circle cx="${x}" cy="${y}" r="4" fill="${colour}"/>`;
  }).join('\n');
}

function wirePath({ pin, text, colour, y }: Wire, index: number): string {
  const from = placeOf(pin);
  return `<path d="M${from.x} ${from.y} H${250 + 18 * index} V${y} H470" fill="none" stroke="${colour}" stroke-width="2.5"/>
<text x="375" y="${y - 6}" fill="${colour}">${text}</text>`;
}

function partBox(y: number, label: string, detail: string): string {
  return `<rect x="470" y="${y}" width="230" height="62" rx="6" fill="#fff" stroke="#888"/>
<text x="585" y="${y + 25}" text-anchor="middle" font-weight="bold">${label}</text><text x="585" y="${y + 47}" text-anchor="middle">${detail}</text>`;
}
