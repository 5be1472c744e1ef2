import type { LanguageModel } from '../ports.ts';
import { file, name, url } from '../setting.ts';
import { local, service } from '../vendor.ts';
import type { VendorTable } from '../vendor.ts';
import { openOpenAi } from '../vendors/openai.ts';

export const LLM_VENDORS: VendorTable<LanguageModel, LanguageModel> = [
  local({
    name: 'offline',
    about: 'a script of recorded sentences',
    async open({ clips, synthesiser }) {
      const { ScriptedLanguageModel } = await import('../offline/scripted-llm.ts');
      return new ScriptedLanguageModel(clips, synthesiser !== undefined);
    },
  }),
  service({
    name: 'openai',
    about: "any server of OpenAI's form",
    settings: {
      llmUrl: url('http://127.0.0.1:11434/v1', 'language model server; the default is a local Ollama'),
      llmModel: name('llama3.2', 'its model'),
      llmKeyFile: file('file with its key, mode 0600'),
      llmPromptFile: file('file with the system prompt: who the companion is'),
    },
    async open({ keyOf }, { llmUrl, llmModel, llmPromptFile }) {
      const { OpenAiLanguageModel, readPrompt } = await import('./openai-llm.ts');
      const prompt = readPrompt(llmPromptFile);
      const client = await openOpenAi(llmUrl, keyOf('llm'));
      return new OpenAiLanguageModel(client, { model: llmModel, prompt, maxTokens: MAX_TOKENS });
    },
  }),
];

/** Half a minute of speech. */
const MAX_TOKENS = 150;
