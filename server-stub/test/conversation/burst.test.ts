import assert from 'node:assert/strict';
import { CodecError } from '../../../common/src/codec/ports.ts';
import { PcmDecoder, PcmEncoder } from '../../../common/src/codec/pcm.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { CloseCode } from '../../../protocol/src/index.ts';
import type { ServerCodecs } from '../../src/media/codecs.ts';
import type { ConversationStore } from '../../src/store/conversation-store.ts';
import { MemoryConversationStore } from '../../src/store/memory-store.ts';
import { HELLO } from '../support/phone.ts';
import type { MessageOf, TestPhone } from '../support/phone.ts';
import { countingIds, scriptedPipeline, world } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** As Opus in WebAssembly: a few at once, each more takes time. */
function scarceCodecs(stock: number): ServerCodecs & { open: number } {
  let spare = stock;
  const counted = <T extends { close(): void }>(codec: T): T => {
    codecs.open++;
    const close = codec.close.bind(codec);
    return Object.assign(codec, { close: () => (codecs.open--, close()) });
  };
  const codecs = {
    open: 0,
    available: ['pcm' as const],
    encoder: () => counted(new PcmEncoder()),
    decoder: () => {
      if (spare === 0) throw new CodecError('not-installed', 'none is in stock');
      spare--;
      return counted(new PcmDecoder());
    },
    prepare: async (count: number) => {
      await new Promise((resolve) => setImmediate(resolve));
      spare = Math.max(spare, count);
    },
  };
  return codecs;
}

const deviceId = (index: number): string => `11111111-2222-4333-8444-${String(index).padStart(12, '0')}`;

interface Returning {
  readonly ready: MessageOf<'ready'>;
  readonly deviceId: string;
}

function begin(here: World, count: number): Returning[] {
  return Array.from({ length: count }, (_, index) => {
    const phone = here.connect({ deviceId: deviceId(index) });
    return { ready: phone.hello({ deviceId: deviceId(index) }), deviceId: deviceId(index) };
  });
}

function comeBack(there: World, { ready, deviceId: id }: Returning): TestPhone {
  const phone = there.connect({ deviceId: id });
  phone.say({
    ...HELLO,
    deviceId: id,
    resume: { conversationId: ready.conversationId, token: ready.resumeToken, rxSeq: -1, playedTs: 0, firstTxSeq: 100 },
  });
  return phone;
}

/** Two processes with one store; `there` has four decoders in stock. */
function processes(store?: (own: MemoryConversationStore) => ConversationStore): {
  here: World;
  there: World;
  codecs: ReturnType<typeof scarceCodecs>;
  store: MemoryConversationStore;
} {
  const clock = new VirtualClock();
  const own = new MemoryConversationStore(clock);
  const codecs = scarceCodecs(4);
  const here = world({ clock, store: own, core: { ids: countingIds('here-') } });
  const there = world({ clock, core: { ids: countingIds('there-'), codecs, store: store?.(own) ?? own } });
  return { here, there, codecs, store: own };
}

describe('many phones at once', () => {
  it('resume with a process that holds none of them and has few codecs in stock', async () => {
    const { here, there, store } = processes();
    const began = begin(here, 40);
    await here.pass(100);
    const phones = began.map((each) => comeBack(there, each));
    await here.pass(500);
    assert.equal(phones.filter((phone) => phone.all('resumed').length === 1).length, 40);
    assert.equal(store.size, 40);
  });

  it('begin, more than there are codecs in stock', async () => {
    const { there } = processes();
    const phones = Array.from({ length: 40 }, (_, index) => {
      const phone = there.connect({ deviceId: deviceId(index) });
      phone.say({ ...HELLO, deviceId: deviceId(index) });
      return phone;
    });
    await there.pass(500);
    assert.equal(phones.filter((phone) => phone.all('ready').length === 1).length, 40);
  });
});

describe('a claim that fails', () => {
  const FAILURES: readonly { readonly name: string; readonly core: Parameters<typeof world>[0] }[] = [
    {
      name: 'because no codec can be made',
      core: { core: { codecs: { ...scarceCodecs(0), prepare: () => Promise.reject(new Error('no memory')) } } },
    },
    {
      name: 'because a stage cannot be opened',
      core: {
        core: {
          pipeline: {
            ...scriptedPipeline().pipeline,
            voiceActivity: () => {
              throw new Error('broken on purpose');
            },
          },
        },
      },
    },
  ];
  for (const { name, core } of FAILURES) {
    it(`${name}, sends the phone away for a moment; the same token is good with another process`, async () => {
      const clock = new VirtualClock();
      const store = new MemoryConversationStore(clock);
      const here = world({ clock, store });
      const broken = world({ clock, store, ...core });
      const other = world({ clock, store, core: { ids: countingIds('other-') } });
      const [began] = begin(here, 1);
      const refused = comeBack(broken, began!);
      await here.pass(200);
      assert.equal(refused.closedWith, CloseCode.tryAgainLater);
      assert.equal(refused.last('error').retryable, true);
      const phone = comeBack(other, began!);
      await here.pass(200);
      assert.equal(phone.all('resumed').length, 1, phone.wire.join(' '));
    });
  }

  it('leaves the conversation with its owner when the phone has gone meanwhile, and closes its codecs', async () => {
    const { here, there, codecs } = processes();
    const [began] = begin(here, 1);
    const phone = comeBack(there, began!);
    phone.drop();
    await here.pass(100);
    assert.deepEqual([here.core.conversations().length, there.core.conversations().length, codecs.open], [1, 0, 0]);
  });

  it('is waited for by a second socket of the same phone, which resumes what the first one fetched', async () => {
    let claims = 0;
    const { here, there } = processes((own) => ({
      create: (record, lost) => own.create(record, lost),
      claim: (...args) => {
        claims++;
        return own.claim(...args);
      },
    }));
    const [began] = begin(here, 1);
    comeBack(there, began!);
    const second = comeBack(there, began!);
    await here.pass(200);
    assert.deepEqual([claims, second.all('resumed').length, there.core.conversations().length], [1, 1, 1]);
  });
});
