#!/usr/bin/env bash
# mpiae sample.
# usage: test_sample.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
make_models
prepare sample runs/glyphs --like test.h5:0,10,20 --count 5 --out like.h5
prepare train vhe.yaml --run run

refuse 3 "nothing" sample nothing --count 3 --out s.h5
mkdir -p empty-directory
refuse 3 "empty-directory has no checkpoint" sample empty-directory --count 3 --out s.h5
refuse 3 "train.h5 is not a checkpoint" sample train.h5 --count 3 --out s.h5
refuse 2 "--from posterior" sample run --count 3 --from posterior --out s.h5
refuse 3 "no-directory" sample run --count 3 --out no-directory/s.h5
absent s.h5
accept "" sample run --count 3 --out s.h5
accept "(3, 1, 28, 28)" info s.h5
accept "" sample run/checkpoint-000000003.h5 --count 600 --from prior --out s.h5
refuse 2 "model 'ae' has no distribution to draw samples from; this is for: vae, vhe" sample plane-ae --count 2 --out s.h5
prepare train vae.yaml --run run-vae
accept "" sample run-vae --count 2 --out s.h5

# Classes
accept "" sample runs/glyphs --like test.h5:0,10,20 --count 5 --out like.h5
accept "" sample runs/glyphs --like test.h5:/x:0 --count 5 --out like.h5
accept "" sample runs/glyphs --like test.h5:0,3,5 --swap --out table.h5
accept "(3, 3, 1, 28, 28)" info table.h5
accept "" sample runs/glyphs --count 4 --swap --out table.h5
refuse 2 "--prior: model 'vhe' has no codebook" sample runs/glyphs --prior plane --out a.h5
refuse 2 "there is no example 99" sample runs/glyphs --like test.h5:0,99 --count 2 --out not.h5
refuse 2 "are not numbers of examples" sample runs/glyphs --like test.h5:0,x --count 2 --out not.h5
refuse 2 "give data and numbers of examples" sample runs/glyphs --like 3 --count 2 --out not.h5
refuse 2 "exclude each other" sample runs/glyphs --like test.h5:0 --from prior --count 2 --out not.h5
refuse 2 "leave --count out" sample runs/glyphs --like test.h5:0,1 --swap --count 3 --out not.h5
refuse 2 "--count is at most 256" sample runs/glyphs --swap --count 300 --out not.h5
refuse 2 "draws from its prior anyway" sample plane --from prior --count 2 --out not.h5
refuse 2 "model 'vae' has no code for classes, as --like and --swap need; this is for: vhe" sample plane --like test.h5:0 --count 2 --out not.h5
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" sample runs/glyphs --like vectors.h5:0 --count 2 --out not.h5
refuse 2 "would replace the input like.h5:/x" sample runs/glyphs --like like.h5:/x:0 --count 2 --out like.h5
refuse 2 "is not of the kind 'samples' (kind: codes)" sample runs/glyphs --count 2 --out codes.h5
cp plane/checkpoint-000000003.h5 mine.h5
refuse 2 "is not of the kind 'samples' (kind: checkpoint)" sample plane --count 2 --out mine.h5
refuse 2 "names like that are for the files that a run writes" sample plane --count 2 --out plane/checkpoint-000000003.h5

# Damaged checkpoints
cp run/checkpoint-000000003.h5 kept.h5
head -c 5000 kept.h5 >run/checkpoint-000000003.h5
refuse 3 "checkpoint-000000003.h5" sample run --count 3 --out s.h5
cp kept.h5 run/checkpoint-000000003.h5
head -c 5000 kept.h5 >run/checkpoint-000000009.h5
warn checkpoint-000000009.h5 sample run --count 3 --out s.h5

# Damage that shows only when the numbers are read
prepare train vhe.yaml train.epochs=3 --run run --overwrite
"$python" - <<'END'
import h5py
name = "run/checkpoint-000000009.h5"
with h5py.File(name) as file:
    place = file["parameters/decoder/output/weight"].id.get_chunk_info(0).byte_offset + 5
with open(name, "r+b") as file:
    file.seek(place)
    byte = file.read(1)[0]
    file.seek(place)
    file.write(bytes([byte ^ 1]))
END
warn checkpoint-000000009.h5 sample run --count 3 --out s.h5

finish
