#!/bin/sh
# Remakes every recorded voice of the project from Debian packages. The texts stand in the clips.json and
# prompts.json files beside the recordings; the licences in server-stub/voices/README.md.
#   apt-get install sox festival festvox-us-slt-hts flite
# The same package versions make the same bytes: no tool here draws random numbers that it does not seed.
set -eu
cd "$(dirname "$0")/.."
export SOX_OPTS=-R

for tool in text2wave flite sox node; do
  command -v "$tool" >/dev/null || {
    echo "make-voices: $tool is missing. Install: sox festival festvox-us-slt-hts flite, and Node." >&2
    exit 1
  }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

LEVEL_DB=-20      # active speech level
CEILING_DB=-3.1   # highest peak
MARGIN_S=0.15     # quiet at both ends
ROOM_DB=-60       # noise of the caller's room (RMS)

# The companion: CMU Arctic 'slt', slowed by 8 % because many of the people who listen hear less well.
companion_voice() { # TEXT_FILE OUT
  text2wave -eval "(begin (voice_cmu_us_slt_arctic_hts)
    (set! hts_engine_params (append hts_engine_params '((\"-r\" 0.92)))))" "$1" -o "$2"
}

# The caller: CMU Arctic 'rms', a man.
caller_voice() { # TEXT_FILE OUT
  flite -voice rms --setf duration_stretch=1.05 -f "$1" -o "$2"
}

# Active speech level in dB: RMS of what is left when pauses are cut out; at most 0.8 dB above ITU-T P.56 on these voices.
speech_level() { # IN
  sox "$1" -n silence 1 0.02 -50d -1 0.2 -50d stats 2>&1 | awk '/^RMS lev dB/ { print $4 }'
}

finish() { # IN OUT: 16 kHz mono 16-bit, levelled, its ends trimmed and padded with the same quiet
  sox "$1" -b 32 "$work/clean.wav" rate -v 16000 highpass 60 \
    silence 1 0.02 -52d reverse silence 1 0.02 -52d fade q 0.01 reverse fade q 0.005
  # A plain gain, no limiter: `gain -l` bends the waveform and leaves DC in it. Where the ceiling comes first, it rules.
  peak=$(sox "$work/clean.wav" -n stats 2>&1 | awk '/^Pk lev dB/ { print $4 }')
  gain=$(awk -v want="$LEVEL_DB" -v have="$(speech_level "$work/clean.wav")" -v ceiling="$CEILING_DB" -v peak="$peak" \
    'BEGIN { print want - have < ceiling - peak ? want - have : ceiling - peak }')
  sox "$work/clean.wav" -b 16 "$2" gain "$gain" pad "$MARGIN_S" "$MARGIN_S"
}

speak_all() { # VOICE FOLDER MANIFEST
  node -e 'for (const clip of JSON.parse(fs.readFileSync(process.argv[1], "utf8"))) console.log(clip.file + "\t" + clip.text)' "$2/$3" >"$work/list"
  while IFS="$(printf '\t')" read -r file text; do
    printf '%s\n' "$text" >"$work/text"
    "$1" "$work/text" "$work/spoken.wav" </dev/null
    finish "$work/spoken.wav" "$2/$file"
  done <"$work/list"
}

quiet() { # SECONDS OUT
  sox -n -r 16000 -c 1 -b 16 "$2" trim 0 "$1"
}

# One caller's side of a whole conversation: time for the greeting, then four turns, each with 9 s for the answer.
demo_track() { # OUT
  quiet 8.4 "$work/greeting-gap.wav"
  quiet 9 "$work/answer-gap.wav"
  voices=server-stub/voices/caller
  sox "$work/greeting-gap.wav" \
    "$voices/caller-hello.wav" "$work/answer-gap.wav" \
    "$voices/caller-garden.wav" "$work/answer-gap.wav" \
    "$voices/caller-music.wav" "$work/answer-gap.wav" \
    "$voices/caller-goodbye.wav" "$work/answer-gap.wav" "$work/turns.wav"
  seconds=$(soxi -D "$work/turns.wav")
  sox -R -n -r 16000 -c 1 -b 32 "$work/noise.wav" synth "$seconds" pinknoise highpass 80 lowpass 2500
  have=$(sox "$work/noise.wav" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }')
  sox "$work/noise.wav" -b 32 "$work/room.wav" gain "$(awk -v want="$ROOM_DB" -v have="$have" 'BEGIN { print want - have }')"
  sox -m -v 1 "$work/turns.wav" -v 1 "$work/room.wav" -b 16 "$1"
}

speak_all companion_voice server-stub/voices/companion clips.json
for folder in device/prompts/*/; do speak_all companion_voice "${folder%/}" prompts.json; done
speak_all caller_voice server-stub/voices/caller clips.json
demo_track device/demo/caller.wav
echo "made $(find server-stub/voices device/prompts device/demo -name '*.wav' | wc -l) recordings"
