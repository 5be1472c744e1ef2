import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { TemporaryFolder } from '../../../test/lib/temporary-folder.ts';
import { ControlServer } from '../../src/panel/control-server.ts';
import { claimFolder, knownControlSocket } from '../../src/panel/runtime-folder.ts';

const NOBODY = 65_534;
const refused = { name: 'ControlError', fault: 'refused' };

describe("the control socket's folder", () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder.remove());

  it('is made for its user alone', () => {
    claimFolder(folder.at('phone'));
    assert.equal(statSync(folder.at('phone')).mode & 0o777, 0o700);
  });

  const TAKEN: readonly (readonly [string, (path: string) => void])[] = [
    [
      "another user's",
      (path) => {
        mkdirSync(path);
        chownSync(path, NOBODY, NOBODY);
      },
    ],
    [
      'one that all may write to',
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
    ],
    ['a link', (path) => symlinkSync(folder.path, path)],
  ];
  for (const [what, take] of TAKEN) {
    it(`is refused when it is ${what}, by the phone and by whoever asks it`, async function () {
      if (process.getuid?.() !== 0) this.skip();
      take(folder.at('bestday-phone'));
      await assert.rejects(
        ControlServer.start(folder.at('bestday-phone/control.sock'), () => ({ ok: true })),
        refused,
      );
      assert.throws(() => knownControlSocket({ XDG_RUNTIME_DIR: folder.path }), refused);
    });
  }

  it('may be one where each has their own, as /tmp is', () => {
    mkdirSync(folder.at('tmp'));
    chmodSync(folder.at('tmp'), 0o1777);
    claimFolder(folder.at('tmp'));
  });
});
