/** Everything that prints figures: `NAME` is `bench/NAME.ts`, or `bench/NAME/main.ts` where it takes several files. */
export interface BenchCommand {
  readonly name: string;
  readonly about: string;
  /** Under half a minute, and in need of nothing but the checkout. */
  readonly quick?: true;
  /** Also `npm run NAME`, with the built programs; it has its own `--help`. */
  readonly ownCommand?: true;
}

export interface BenchGroup {
  readonly title: string;
  readonly commands: readonly BenchCommand[];
}

export const GROUPS: readonly BenchGroup[] = [
  {
    title: 'What it costs',
    commands: [
      {
        name: 'frame-cost',
        quick: true,
        about: 'a 20 ms frame through uplink and downlink, beside codec and ws alone  [--rounds N --frames N]',
      },
      {
        name: 'startup',
        quick: true,
        about: 'process start to the first frame at the server, beside the bundled floor  [--runs N]',
      },
      {
        name: 'bad-key',
        quick: true,
        about:
          'what an unknown key costs the server at 1 and 100,000 devices, beside the floor  [--devices N --requests N]',
      },
      {
        name: 'conversation-cost',
        about: 'CPU and memory of a minute of conversation, beside the floor  [--seconds N --pairs N]',
      },
      { name: 'ladder-cost', about: 'what hiding a lost frame costs' },
    ],
  },
  {
    title: 'Sound that is lost, late, or off',
    commands: [
      { name: 'loss-sweep', about: 'what is heard at rising loss  [--runs N]' },
      { name: 'encoder-tuning', about: 'which settings of the encoder serve best at which loss  [--runs N]' },
      {
        name: 'jitter-traces',
        about: 'delay and concealment on network traces, beside NetEQ  [--held-out --seconds N --seed N --trace FILE]',
      },
      {
        name: 'listen',
        ownCommand: true,
        about: 'writes what the patient would hear over a network, as a WAV and a picture',
      },
    ],
  },
  {
    title: 'The virtual sound card',
    commands: [
      { name: 'sound-delay', about: 'microphone to wire and wire to speaker, beside the card alone  [--marks N]' },
      {
        name: 'drift',
        about: 'a far clock that is off, through the real phone: clicks and queue  [--minutes N --ppm N]',
      },
      {
        name: 'echo-cancellation',
        about: "what the speakerphones' canceller takes away, and leaves of the patient's voice  [--seconds N]",
      },
    ],
  },
  {
    title: 'The two real programs',
    commands: [
      { name: 'latency', ownCommand: true, about: 'how long patients wait for an answer, by stage' },
      { name: 'load', ownCommand: true, about: 'many phones on one server' },
      { name: 'network', ownCommand: true, about: 'a conversation over an emulated network; root' },
      { name: 'resume-time', ownCommand: true, about: 'how soon after a cut the answer goes on; root' },
      { name: 'soak', ownCommand: true, about: 'one conversation that must not break' },
    ],
  },
];

export const COMMANDS: readonly BenchCommand[] = GROUPS.flatMap(({ commands }) => commands);
