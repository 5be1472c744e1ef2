import assert from 'node:assert/strict';
import { StandbyPhrases } from '../../src/dialogue/standby-phrases.ts';
import { scriptedPipeline } from '../support/world.ts';

describe('what is said when turn after turn fails', () => {
  const standby = {
    ...scriptedPipeline().pipeline.standby,
    fillers: ['one moment', 'let me see'],
    apologies: ['say it again', 'sorry'],
  };

  it('never an apology in two turns running', () => {
    const phrases = new StandbyPhrases(standby);
    const said = Array.from({ length: 5 }, () => phrases.apology());
    assert.deepEqual(said, ['say it again', 'one moment', 'sorry', 'let me see', 'sorry']);
  });

  it('from the first one again after an answer', () => {
    const phrases = new StandbyPhrases(standby);
    phrases.apology();
    phrases.answered();
    assert.equal(phrases.apology(), 'say it again');
  });
});
