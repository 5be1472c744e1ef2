import { createHash } from 'node:crypto';
import type { ExtendedSequence } from '../../../protocol/src/index.ts';

/**
 * What is kept in Redis of a conversation, and the only four things that are ever done to it. Each is one script, so
 * each is atomic, and each looks at the owner first: a process that lost its conversation can spoil nothing.
 *
 *   bestday:1:{ID}         hash  owner, revision (grows with the record), record (JSON), first (number of the first frame)
 *   bestday:1:{ID}:frames  list  payloads, consecutive from `first`
 *   bestday:1:{ID}:heard   list  microphone frames that nobody has understood yet: number (32 bits), payload;
 *                                the field `heard` of the hash counts those that went before
 *
 * The braces keep all in one slot of a cluster. They expire together; an ended conversation leaves its owner field
 * behind as `over` for a minute, so that no process that was cut off meanwhile brings it back.
 */
export interface RemoteConversations {
  write(id: string, write: RemoteWrite): Promise<WriteOutcome>;
  /** @returns undefined when it is unknown or over */
  read(id: string): Promise<SeenConversation | undefined>;
  /** Makes `owner` the owner, if nothing of what was seen has changed. @returns undefined when it has */
  take(id: string, owner: string, seen: SeenConversation): Promise<TakenConversation | undefined>;
  remove(id: string, owner: string): Promise<void>;
}

/** What has changed since the write before, or everything. */
export interface RemoteWrite {
  readonly owner: string;
  readonly expiresInMs: number;
  /** JSON; undefined: as it was. */
  readonly record: string | undefined;
  /** Frames before this one are no longer held. */
  readonly first: ExtendedSequence;
  /** Number of `frames[0]`, which must follow what is there; undefined: these frames replace what is there. */
  readonly from: ExtendedSequence | undefined;
  readonly frames: readonly Uint8Array[];
  /** The same for the microphone's frames, which are counted from 0. */
  readonly heard: { readonly first: number; readonly from: number | undefined; readonly frames: readonly Uint8Array[] };
}

/** `gap`: what is there is not what this write goes on from (Redis was restarted, a write failed): write all of it. */
export type WriteOutcome = 'ok' | 'lost' | 'gap';

export interface SeenConversation {
  readonly owner: string;
  readonly revision: string;
  readonly record: string;
}

export interface TakenConversation {
  readonly first: ExtendedSequence;
  readonly frames: readonly Uint8Array[];
  readonly heard: readonly Uint8Array[];
  readonly heardFirst: number;
  readonly remainingMs: number;
}

/** One command to Redis, in order after the ones before it; strings come back as Buffers. */
export type SendCommand = (command: readonly (string | Buffer)[]) => Promise<unknown>;

const OVER = 'over';
/** Longer than any process may be cut off and still believe that the conversation is its own. */
const TOMBSTONE_MS = 60_000;

/** Arguments: owner, expiresInMs, record or '', first, from or '', heard first, heard from or '', how many frames, frames …, heard … */
const WRITE = script(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 'lost' end
local function gap(list, field, from)
  if from == '' then return false end
  local first = redis.call('HGET', KEYS[1], field)
  return not first or tonumber(first) + redis.call('LLEN', list) ~= tonumber(from)
end
if gap(KEYS[2], 'first', ARGV[5]) or gap(KEYS[3], 'heard', ARGV[7]) then return 'gap' end
local function write(list, field, first, from, begins, ends)
  if from == '' then
    redis.call('DEL', list)
    redis.call('HSET', KEYS[1], 'owner', ARGV[1], field, first)
  end
  -- Lua hands over a few thousand values at once, no more.
  for at = begins, ends, 1000 do
    redis.call('RPUSH', list, unpack(ARGV, at, math.min(at + 999, ends)))
  end
  local drop = tonumber(first) - tonumber(redis.call('HGET', KEYS[1], field))
  if drop > 0 then
    redis.call('LTRIM', list, drop, -1)
    redis.call('HSET', KEYS[1], field, first)
  end
  redis.call('PEXPIRE', list, ARGV[2])
end
local heard = 9 + tonumber(ARGV[8])
write(KEYS[2], 'first', ARGV[4], ARGV[5], 9, heard - 1)
write(KEYS[3], 'heard', ARGV[6], ARGV[7], heard, #ARGV)
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'record', ARGV[3])
  redis.call('HINCRBY', KEYS[1], 'revision', 1)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'ok'`);

const READ = script(`return redis.call('HMGET', KEYS[1], 'owner', 'revision', 'record')`);

/** Arguments: new owner, owner and revision that were seen. */
const TAKE = script(`
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] or redis.call('HGET', KEYS[1], 'revision') ~= ARGV[3] then return false end
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return {redis.call('HGET', KEYS[1], 'first'), redis.call('PTTL', KEYS[1]), redis.call('LRANGE', KEYS[2], 0, -1), redis.call('HGET', KEYS[1], 'heard'), redis.call('LRANGE', KEYS[3], 0, -1)}`);

/** Arguments: owner, how long to remember that it is over. */
const REMOVE = script(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'owner', '${OVER}')
redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

export class RedisConversations implements RemoteConversations {
  readonly #send: SendCommand;

  constructor(send: SendCommand) {
    this.#send = send;
  }

  async write(id: string, write: RemoteWrite): Promise<WriteOutcome> {
    const { owner, expiresInMs, record = '', first, from = '', frames, heard } = write;
    const outcome = await this.#run(WRITE, id, [
      owner,
      String(expiresInMs),
      record,
      String(first),
      String(from),
      String(heard.first),
      String(heard.from ?? ''),
      String(frames.length),
      ...frames.map(asBuffer),
      ...heard.frames.map(asBuffer),
    ]);
    return String(outcome) as WriteOutcome;
  }

  async read(id: string): Promise<SeenConversation | undefined> {
    const [owner, revision, record] = (await this.#run(READ, id, [])) as (Buffer | null)[];
    if (!owner || !revision || !record) return undefined;
    return { owner: owner.toString(), revision: revision.toString(), record: record.toString() };
  }

  async take(id: string, owner: string, seen: SeenConversation): Promise<TakenConversation | undefined> {
    const taken = (await this.#run(TAKE, id, [owner, seen.owner, seen.revision])) as
      [Buffer, number, Buffer[], Buffer | null, Buffer[]] | null;
    if (taken === null) return undefined;
    const [first, remainingMs, frames, heardFirst, heard] = taken;
    // A process of an older version writes no microphone frames.
    return {
      first: Number(first.toString()),
      remainingMs,
      frames,
      heardFirst: Number(heardFirst?.toString() ?? '0'),
      heard,
    };
  }

  async remove(id: string, owner: string): Promise<void> {
    await this.#run(REMOVE, id, [owner, String(TOMBSTONE_MS)]);
  }

  async #run({ source, sha }: Script, id: string, args: readonly (string | Buffer)[]): Promise<unknown> {
    const key = `bestday:1:{${id}}`;
    const rest = ['3', key, `${key}:frames`, `${key}:heard`, ...args];
    try {
      return await this.#send(['EVALSHA', sha, ...rest]);
    } catch (error) {
      // Redis forgets its scripts when it restarts; a write that now comes out of its order is told 'gap'.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#send(['EVAL', source, ...rest]);
    }
  }
}

interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** Shares the memory. */
function asBuffer(frame: Uint8Array): Buffer {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
}
