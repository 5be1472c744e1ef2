import { readFileSync } from 'node:fs';
import type { FrameTraceLine } from '../../common/src/system/frame-trace.ts';
import { FRAME_MS, SequenceExtender } from '../../protocol/src/index.ts';

/*
 * What a conversation over a network was like, from the frame traces of its two ends. Both are on the clock of the
 * one machine they ran on, so times of one may be taken from times of the other.
 */

/** @param path of a trace; a last line cut short (its writer was killed) is left out */
export function readTrace(path: string): FrameTraceLine[] {
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as FrameTraceLine);
}

export interface Sample {
  /** ms, of the machine's monotonic clock. */
  readonly at: number;
  readonly ms: number;
}

/** From a frame's capture to its packet's receipt by the server; frames that never came are left out. */
export function uplinkDelays(phone: readonly FrameTraceLine[], server: readonly FrameTraceLine[]): Sample[] {
  const receivedAt = new Map<number, number>();
  const numbers = new SequenceExtender();
  for (const line of server) {
    if (line.event !== 'packet-received') continue;
    const sequence = numbers.extend(line.sequence);
    if (!receivedAt.has(sequence)) receivedAt.set(sequence, line.at);
  }
  return phone.flatMap((line) => {
    const received = line.event === 'captured' ? receivedAt.get(line.sequence) : undefined;
    return received === undefined ? [] : [{ at: line.at, ms: received - line.at }];
  });
}

/**
 * From the server sending a response's first frame to it being heard. One that came while the response before it was
 * still playing waited for that, not for the network, and is left out.
 */
export function firstFrameDelays(phone: readonly FrameTraceLine[], server: readonly FrameTraceLine[]): Sample[] {
  const sentAt = new Map<string, number>();
  for (const line of server) {
    if (
      line.event === 'message-sent' &&
      line.type === 'response.start' &&
      line.id !== undefined &&
      !sentAt.has(line.id)
    )
      sentAt.set(line.id, line.at);
  }
  const delays: Sample[] = [];
  const waiting = new Set<string>();
  let playing: string | undefined;
  for (const line of phone) {
    if (line.event === 'message-received' && line.type === 'response.start' && playing === undefined)
      waiting.add(line.id!);
    if (line.event !== 'message-sent' || line.type !== 'playback') continue;
    playing = line.state === 'started' ? line.id : undefined;
    const sent = line.state === 'started' && waiting.delete(line.id!) ? sentAt.get(line.id!) : undefined;
    if (sent !== undefined) delays.push({ at: line.at, ms: line.at - sent });
  }
  return delays;
}

export interface Gaps {
  /** In a response, without the sound that was due: concealed, comfort noise or a prompt in its place. */
  readonly longestMs: number;
  readonly longestAfterFirstSecondMs: number;
  readonly over100Ms: number;
  readonly responses: number;
  /** Of all responses, as far as they were played. */
  readonly responseMs: number;
}

const FIRST_SECOND_SLOTS = 1_000 / FRAME_MS;
const AUDIBLE_MS = 100;

/** Looks at every 20 ms between the first and the last sound of each response. */
export function gapsInResponses(phone: readonly FrameTraceLine[]): Gaps {
  let [longest, longestAfter, over, responses, slots] = [0, 0, 0, 0, 0];
  /** Slots since the response began; undefined outside. */
  let within: number | undefined;
  let [gap, gapAfter] = [0, 0];
  const endGap = (): void => {
    if (gap * FRAME_MS > AUDIBLE_MS) over++;
    [gap, gapAfter] = [0, 0];
  };
  for (const line of phone) {
    if (line.event === 'message-sent' && line.type === 'playback') {
      if (line.state === 'started') responses++;
      within = line.state === 'started' ? 0 : undefined;
      endGap();
    }
    if (line.event !== 'rendered' || within === undefined) continue;
    slots++;
    if (line.rung === 'received' || line.rung === 'fec') endGap();
    else {
      gap++;
      if (within >= FIRST_SECOND_SLOTS) gapAfter++;
      longest = Math.max(longest, gap);
      longestAfter = Math.max(longestAfter, gapAfter);
    }
    within++;
  }
  return {
    longestMs: longest * FRAME_MS,
    longestAfterFirstSecondMs: longestAfter * FRAME_MS,
    over100Ms: over,
    responses,
    responseMs: slots * FRAME_MS,
  };
}

/** How far from 20 ms apart the phone's frames came: on a busy machine far, and the figures are that machine's. */
export function tickErrors(phone: readonly FrameTraceLine[]): number[] {
  const captured = phone.filter(({ event }) => event === 'captured');
  return captured.slice(1).map(({ at }, index) => Math.abs(at - captured[index]!.at - FRAME_MS));
}

/** Sound held by the phone, by its own account once a second. */
export function queueLengths(phone: readonly FrameTraceLine[]): Sample[] {
  return phone.flatMap((line) =>
    line.event === 'message-sent' && line.type === 'ack' ? [{ at: line.at, ms: line.queuedMs ?? 0 }] : [],
  );
}

/** Share of each second's frames by what they were made of. */
export function rungsBySecond(
  phone: readonly FrameTraceLine[],
  startMs: number,
): ReadonlyMap<string, readonly (readonly [number, number])[]> {
  const seconds: Record<string, number>[] = [];
  for (const line of phone) {
    if (line.event !== 'rendered') continue;
    const second = (seconds[Math.max(0, Math.floor((line.at - startMs) / 1_000))] ??= {});
    const rung =
      line.rung === 'comfort-noise' ? (line.state === 'waiting' ? 'comfort noise (waiting)' : 'idle') : line.rung;
    second[rung] = (second[rung] ?? 0) + 1;
  }
  return new Map(
    RUNGS.map((rung) => [rung, Array.from(seconds, (second, index) => [index, (second?.[rung] ?? 0) * 2] as const)]),
  );
}

const RUNGS = ['received', 'fec', 'concealed', 'comfort noise (waiting)', 'prompt'] as const;
