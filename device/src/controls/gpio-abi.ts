/**
 * The kernel's GPIO character device, version 2: the structures of <linux/gpio.h> as bytes. Their layout is the
 * same on every architecture (the header says so, and pads for it); all are little-endian here.
 */

export type Bias = 'pull-up' | 'pull-down' | 'off';

/** One line of one chip, as a board profile names it. */
export interface LineAddress {
  /** The chip's label (`pinctrl-bcm2711`), which stays; its number changes from kernel to kernel. */
  readonly chip: string;
  readonly line: number;
  readonly activeLow: boolean;
}

const Flag = {
  activeLow: 1n << 1n,
  input: 1n << 2n,
  output: 1n << 3n,
  'pull-up': 1n << 8n,
  'pull-down': 1n << 9n,
  off: 1n << 10n,
} as const;
const Attribute = { values: 2, debounce: 3 } as const;

/** _IOWR(0xB4, number, size), see <asm-generic/ioctl.h>. */
const iowr = (number: number, size: number): number =>
  Number((3n << 30n) | (BigInt(size) << 16n) | (0xb4n << 8n) | BigInt(number));

const REQUEST_BYTES = 592;
const CHIP_INFO_BYTES = 68;
const VALUES_BYTES = 16;

export const Ioctl = {
  /** _IOR */
  chipInfo: Number((2n << 30n) | (BigInt(CHIP_INFO_BYTES) << 16n) | (0xb4n << 8n) | 1n),
  getLine: iowr(0x07, REQUEST_BYTES),
  getValues: iowr(0x0e, VALUES_BYTES),
  setValues: iowr(0x0f, VALUES_BYTES),
} as const;

export function chipInfo(): Buffer {
  return Buffer.alloc(CHIP_INFO_BYTES);
}

/** `struct gpiochip_info`: name[32], label[32], lines. */
export function chipLabel(info: Buffer): string {
  return info.toString('latin1', 32, 64).replace(/\0.*$/s, '');
}

/** `struct gpio_v2_line_request` for an input that the kernel debounces. */
export function inputRequest({ line, activeLow }: LineAddress, bias: Bias, debounceUs: number): Buffer {
  return request(line, Flag.input | Flag[bias] | (activeLow ? Flag.activeLow : 0n), Attribute.debounce, (buffer, at) =>
    buffer.writeUInt32LE(debounceUs, at),
  );
}

/** For an output that begins inactive. */
export function outputRequest({ line, activeLow }: LineAddress): Buffer {
  return request(line, Flag.output | (activeLow ? Flag.activeLow : 0n), Attribute.values, (buffer, at) =>
    buffer.writeBigUInt64LE(0n, at),
  );
}

/** What the kernel answered in a granted request. */
export function lineDescriptor(granted: Buffer): number {
  return granted.readInt32LE(588);
}

/** `struct gpio_v2_line_values` of the request's only line. */
export function lineValues(active: boolean): Buffer {
  const values = Buffer.alloc(VALUES_BYTES);
  values.writeBigUInt64LE(active ? 1n : 0n, 0);
  values.writeBigUInt64LE(1n, 8);
  return values;
}

export function isActive(values: Buffer): boolean {
  return (values.readBigUInt64LE(0) & 1n) === 1n;
}

const CONSUMER_AT = 256;
const CONFIG_AT = 288;
const ATTRIBUTE_AT = CONFIG_AT + 32;
const COUNT_AT = 560;

function request(
  line: number,
  flags: bigint,
  attribute: number,
  writeValue: (buffer: Buffer, at: number) => void,
): Buffer {
  const buffer = Buffer.alloc(REQUEST_BYTES);
  buffer.writeUInt32LE(line, 0);
  buffer.write('bestday-phone', CONSUMER_AT, 31, 'latin1');
  buffer.writeBigUInt64LE(flags, CONFIG_AT);
  buffer.writeUInt32LE(1, CONFIG_AT + 8);
  buffer.writeUInt32LE(attribute, ATTRIBUTE_AT);
  writeValue(buffer, ATTRIBUTE_AT + 8);
  // The attribute is for the first, and only, line of this request.
  buffer.writeBigUInt64LE(1n, ATTRIBUTE_AT + 16);
  buffer.writeUInt32LE(1, COUNT_AT);
  return buffer;
}
