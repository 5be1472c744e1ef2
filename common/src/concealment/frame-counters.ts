/** What each rung of the ladder did, in frames of 20 ms; the `frames` object of a call report. */
export interface FrameCounters {
  sent: number;
  received: number;
  played: number;
  recoveredByFec: number;
  concealed: number;
  comfortNoise: number;
  /** Dropped by the sender because it was stale. */
  shed: number;
  /** Arrived after its place had been played. */
  late: number;
  duplicate: number;
  /** Times the queue ran dry in the middle of a response. */
  underrun: number;
}

export function newFrameCounters(): FrameCounters {
  return {
    sent: 0,
    received: 0,
    played: 0,
    recoveredByFec: 0,
    concealed: 0,
    comfortNoise: 0,
    shed: 0,
    late: 0,
    duplicate: 0,
    underrun: 0,
  };
}
