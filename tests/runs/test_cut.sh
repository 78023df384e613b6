#!/usr/bin/env bash
# Runs that are cut anywhere and go on elsewhere equal those that were not, to the bit; and what else ends a run or starts it: steps
# that are not finite, patience, the best epoch, another model's parameters.
# usage: test_cut.sh MPIAE
python=$(realpath "$(dirname "$0")")/../../tools/python
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 403 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5}\ntrain: {batch_size: 60, epochs: 3}\nnetwork: {hidden: [24], latent_size: 4}\noutput: {codes: all}\ncheckpoint: {keep: 9}\n' >vhe.yaml
sed 's/^model: vhe/model: vae/' vhe.yaml >vae.yaml
sed 's/^model: vhe/model: ae/' vhe.yaml >ae.yaml
final=checkpoint-000000021.h5 # 7 steps an epoch

# What is in a run directory, hidden files apart.
holds() {
  local found
  found=$(cd "$1" && echo *)
  if [ "$found" != "$2" ]; then fail "$1 holds $found"; fi
}

state() { "$mpiae" info "$1" 2>/dev/null | awk -v name="/state/$2" '$1 == name { print $2 }'; }

stands() {
  if [ "$(state "$1" epoch) $(state "$1" step) $(state "$1" epoch_step)" != "$2" ]; then fail "$1 does not stand at $2"; fi
}

# equal_runs A B: the last checkpoint, the codes of every epoch, the metrics
equal_runs() {
  equal "$1/$final" "$2/$final"
  for epoch in 1 2 3; do equal "$1/codes-00000$epoch.h5" "$2/codes-00000$epoch.h5"; done
  equal_metrics "$1" "$2"
}

# Ten cuts, of ten kinds of runs. The cut checkpoints of two numbers of ranks are equal too.
RANDOM=${MPIAE_CUT_SEED:-3}
optimizers=(adam sgd adamw)
schedules=(cosine constant onecycle step)
for trial in 0 1 2 3 4 5 6 7 8 9; do
  options=("train.seed=$RANDOM" "data.shards=$((6 + 2 * (trial % 2)))" "train.schedule=${schedules[trial % 4]}"
    "train.optimizer=${optimizers[trial % 3]}" train.learning_rate=0.0003)
  case $((trial % 5)) in
  0) model=vhe && options+=(kmeans.clusters=5) ;;
  1) model=vae && options+=(data.binarize=dynamic vae.warmup_epochs=1.5 vae.beta=2) ;;
  2) model=vhe && options+=(vhe.labels=given vhe.exemplars=2) ;;
  3) model=vae && options+=(train.clip_norm=30 train.weight_decay=0.01 checkpoint.every_steps=2) ;;
  4) model=vhe && options+=(data.binarize=dynamic kmeans.clusters=3 checkpoint.every_steps=3 checkpoint.keep=2) ;;
  esac
  cut=$((1 + RANDOM % 20)) before=$((1 + RANDOM % 4)) also=$((1 + RANDOM % 4)) after=$((1 + RANDOM % 4))
  echo "trial $trial: $model ${options[*]}: cut after step $cut on $before and $also ranks, resumed on $after"
  on 1 train "$model.yaml" "${options[@]}" --run "whole-$trial"
  on "$also" train "$model.yaml" "${options[@]}" train.steps="$cut" --run "also-$trial"
  on "$before" train "$model.yaml" "${options[@]}" train.steps="$cut" --run "cut-$trial"
  newest=$(printf 'checkpoint-%09d.h5' "$cut")
  stands "cut-$trial/$newest" "$((cut / 7)) $cut $((cut % 7))"
  equal "also-$trial/$newest" "cut-$trial/$newest"
  on 1 info "cut-$trial/$newest"
  on 2 sample "cut-$trial/$newest" --count 3 --out samples.h5
  on "$after" train "$model.yaml" "${options[@]}" --run "cut-$trial" --resume
  equal_runs "whole-$trial" "cut-$trial"
done
# of these a part of the row must come from before the cut
differ whole-0/$final whole-1/$final

# Cut twice in an epoch, then exactly at the end of one, where the checkpoint is the epoch's own.
three=(data.shards=6 kmeans.clusters=5)
on 1 train vhe.yaml "${three[@]}" --run whole
on 3 train vhe.yaml "${three[@]}" train.steps=8 --run twice
on 2 train vhe.yaml "${three[@]}" train.steps=12 --run twice --resume
if ! grep -q 'going on in epoch 2, after 1 of its steps; step 8' log; then fail "a resume in an epoch does not say so"; fi
on 4 train vhe.yaml "${three[@]}" train.steps=12 --run twice --resume
if ! grep -q 'twice: 12 steps done, train.steps is 12: nothing to do' log; then fail "nothing to do, but it is not said"; fi
on 1 train vhe.yaml "${three[@]}" train.steps=14 --run twice --resume
if ! grep -q 'the run ends: 14 steps done, train.steps is 14' log; then fail "why the run ends is not said"; fi
stands twice/checkpoint-000000014.h5 "2 14 0"
equal whole/codes-000002.h5 twice/codes-000002.h5
on 3 train vhe.yaml "${three[@]}" --run twice --resume
equal_runs whole twice

# The newest four; one due at the end of an epoch comes after it.
for ranks in 1 3; do
  on "$ranks" train vhe.yaml "${three[@]}" checkpoint.every_steps=3 checkpoint.keep=4 output.codes=last --run "steps-$ranks"
  holds "steps-$ranks" "checkpoint-000000014.h5 checkpoint-000000015.h5 checkpoint-000000018.h5 $final codes-000003.h5 config.yaml metrics.csv run.log"
done
for step in 14 15 18 21; do equal "steps-1/checkpoint-0000000$step.h5" "steps-3/checkpoint-0000000$step.h5"; done
stands steps-1/checkpoint-000000014.h5 "2 14 0"
stands steps-1/checkpoint-000000015.h5 "2 15 1"
stands steps-1/$final "3 21 0"
rm steps-3/$final
on 2 train vhe.yaml "${three[@]}" checkpoint.every_steps=3 checkpoint.keep=4 output.codes=last --run steps-3 --resume
equal steps-1/$final steps-3/$final
equal_metrics steps-1 steps-3
on 2 train vae.yaml data.shards=6 checkpoint.every_epochs=9 checkpoint.every_steps=7 --run ends
holds ends "checkpoint-000000007.h5 checkpoint-000000014.h5 $final codes-000001.h5 codes-000002.h5 codes-000003.h5 config.yaml metrics.csv run.log"
stands ends/checkpoint-000000007.h5 "1 7 0"

# Metrics of epochs that a resume goes back behind do not stay.
on 2 train vae.yaml train.steps=2 --run behind
printf 'epoch,step\n1,7\n' >behind/metrics.csv
on 1 train vae.yaml train.steps=3 --run behind --resume
if [ -e behind/metrics.csv ]; then fail "metrics of no epoch are left"; fi

# Killed, without a chance to say goodbye: resumed on other ranks.
many=("${three[@]}" train.epochs=1000 checkpoint.every_steps=3 output.codes=none)
for ranks in 1 3; do
  # shellcheck disable=SC2016
  "${mpirun[@]}" -n "$ranks" sh -c 'echo $$ >>pids; exec "$@"' sh "$mpiae" train vhe.yaml "${many[@]}" --run "killed-$ranks" >/dev/null 2>&1 </dev/null &
  launcher=$!
  for _ in $(seq 600); do
    if compgen -G "killed-$ranks/checkpoint-*.h5" >/dev/null; then break; fi
    sleep 0.05
  done
  sleep "0.$((RANDOM % 10))"
  kill -KILL "$(tail -n 1 pids)" || fail "nothing to kill"
  if wait "$launcher"; then fail "a run that was killed ended well"; fi
  await_lock "killed-$ranks"
  newest=$(cd "killed-$ranks" && for name in checkpoint-*.h5; do echo "$name"; done | tail -n 1)
  echo "killed on $ranks ranks; goes on from $newest"
  steps=$((10#${newest//[!0-9]/} / 10 + 11))
  on "$((3 - ranks / 2))" train vhe.yaml "${many[@]}" train.steps="$steps" --run "killed-$ranks" --resume
  on 4 train vhe.yaml "${many[@]}" train.steps="$steps" --run "unkilled-$ranks"
  equal "unkilled-$ranks/$(printf 'checkpoint-%09d.h5' "$steps")" "killed-$ranks/$(printf 'checkpoint-%09d.h5' "$steps")"
  if [ "$steps" -ge 7 ]; then equal_metrics "unkilled-$ranks" "killed-$ranks"; fi
done

# A value whose square is not finite in float32: its step is left out, on all ranks alike.
"$python" - <<'END'
import h5py, numpy
x = numpy.random.default_rng(0).random((200, 30), "f4")
x[41, 2] = 1e30
with h5py.File("huge.h5", "w") as file:
    file.attrs["mpiae_format"], file.attrs["mpiae_version"], file["x"] = "dataset", 1, x
END
sed 's/batch_size: 60/batch_size: 20/; s/glyphs/huge/' vae.yaml >vae-huge.yaml
sed 's/batch_size: 60/batch_size: 20/; s/glyphs/huge/' vhe.yaml >vhe-huge.yaml
sed 's/batch_size: 60/batch_size: 200/; s/glyphs/huge/' vae.yaml >all-huge.yaml
huge=(data.shards=6 network.likelihood=gaussian)
skipped() { cut -d, -f "$(head -n 1 "$1/metrics.csv" | tr , '\n' | grep -nx skipped_steps | cut -d: -f 1)" "$1/metrics.csv" | tail -n +2 | xargs; }
for model in vae vhe; do
  for ranks in 1 2 3; do
    on "$ranks" train "$model-huge.yaml" "${huge[@]}" train.on_nonfinite=skip --run "skip-$model-$ranks"
    equal "skip-$model-1/checkpoint-000000030.h5" "skip-$model-$ranks/checkpoint-000000030.h5"
    equal "skip-$model-1/codes-000003.h5" "skip-$model-$ranks/codes-000003.h5"
    equal_metrics "skip-$model-1" "skip-$model-$ranks"
    if [ "$(grep -c '^mpiae: warning: epoch .* steps were left out' log)" != 3 ]; then fail "not one warning an epoch"; fi
  done
  on 3 train "$model-huge.yaml" "${huge[@]}" train.on_nonfinite=skip train.steps=19 --run "skip-$model-cut"
  on 2 train "$model-huge.yaml" "${huge[@]}" train.on_nonfinite=skip --run "skip-$model-cut" --resume
  equal "skip-$model-1/checkpoint-000000030.h5" "skip-$model-cut/checkpoint-000000030.h5"
  equal_metrics "skip-$model-1" "skip-$model-cut"
  if grep -qE 'nan|inf' <(tr '[:upper:]' '[:lower:]' <"skip-$model-1/metrics.csv" | tail -n +2); then fail "poison in the metrics of $model"; fi
done
if [ "$(skipped skip-vae-1)" != "1 1 1" ]; then fail "skipped steps: $(skipped skip-vae-1)"; fi
if ! grep -q 'step [0-9]* of epoch 2: squared_error is not finite: left out' skip-vae-3/run.log; then fail "run.log does not name the step"; fi
# networks of one unit, whose products are of vectors
on 2 train vae-huge.yaml "${huge[@]}" network.hidden=[1] network.latent_size=1 train.on_nonfinite=skip train.epochs=9 --run skip-one
if [ "$(skipped skip-one)" != "1 1 1 1 1 1 1 1 1" ]; then fail "skipped steps: $(skipped skip-one)"; fi
# where nothing is left out, nothing changes
on 2 train vhe.yaml "${three[@]}" train.on_nonfinite=skip --run skip-nothing
if [ "$(skipped skip-nothing)" != "0 0 0" ]; then fail "skipped steps: $(skipped skip-nothing)"; fi
for group in /parameters /optimizer /pseudo_labels; do
  if ! h5diff whole/$final skip-nothing/$final $group $group; then fail "$group differs where nothing was skipped"; fi
done

# ends_with STATUS TEXT ARGUMENTS…: on two ranks
ends_with() {
  local expected=$1 text=$2
  shift 2
  timeout 100 "${mpirun[@]}" -n 2 "$mpiae" "$@" >log 2>&1 </dev/null
  local status=$?
  if [ "$status" != "$expected" ]; then fail "mpiae $*: exit status $status, not $expected"; fi
  if ! grep -qF -- "$text" log; then fail "mpiae $* does not say '$text'"; fi
}
ends_with 4 "squared_error is not finite. Nothing of that step was applied; there is no checkpoint yet" train vae-huge.yaml "${huge[@]}" --run stop
ends_with 4 "epoch 1: not one of its steps had a finite loss and gradient" train all-huge.yaml "${huge[@]}" train.on_nonfinite=skip --run none
ends_with 4 "the checkpoint of step " train vae-huge.yaml "${huge[@]}" checkpoint.every_steps=1 --run stop-later

# Patience, and the best epoch's checkpoint beside the newest one: too large a rate makes it worse.
best=(data.shards=6 checkpoint.best=true checkpoint.every_epochs=50 output.codes=last)
worse=("${best[@]}" checkpoint.keep=1 train.learning_rate=3 train.epochs=50)
leads() { if [ "$(readlink "$1/checkpoint-best.h5")" != "$2" ]; then fail "$1/checkpoint-best.h5 leads to $(readlink "$1/checkpoint-best.h5")"; fi; }
on 2 train ae.yaml "${best[@]}" checkpoint.keep=1 train.epochs=2 --run best
holds best "checkpoint-000000014.h5 checkpoint-best.h5 codes-000002.h5 config.yaml metrics.csv run.log"
leads best checkpoint-000000014.h5
cp -r best best-3
for run in best best-3; do
  on "$((1 + 2 * (${#run} > 4)))" train ae.yaml "${worse[@]}" train.patience=2 --run "$run" --resume
  if ! grep -q 'the run ends: no train_loss below the .* of epoch 2 in 2 epochs, train.patience is 2' log; then fail "patience is not named"; fi
  holds "$run" "checkpoint-000000014.h5 checkpoint-000000028.h5 checkpoint-best.h5 codes-000004.h5 config.yaml metrics.csv run.log"
  leads "$run" checkpoint-000000014.h5
done
equal best/checkpoint-000000028.h5 best-3/checkpoint-000000028.h5
on 2 train ae.yaml "${worse[@]}" train.patience=2 --run best --resume
if ! grep -q 'best: no train_loss below .*: nothing to do' log; then fail "why there is nothing to do is not said"; fi
# in the middle of an epoch too, and from the link itself
rm best/checkpoint-best.h5
on 2 train ae.yaml "${worse[@]}" train.steps=30 --run best --resume
leads best checkpoint-000000014.h5
holds best "checkpoint-000000014.h5 checkpoint-000000030.h5 checkpoint-best.h5 codes-000004.h5 config.yaml metrics.csv run.log"
on 2 info best/checkpoint-best.h5
rm best/checkpoint-000000014.h5
on 2 train ae.yaml "${worse[@]}" train.steps=31 --run best --resume
if ! grep -q 'the best epoch so far, of step 14, has no checkpoint any more' log; then fail "a lost best checkpoint is not told"; fi
holds best "checkpoint-000000031.h5 codes-000004.h5 config.yaml metrics.csv run.log"
# the newest are lost: the best of those that are left, right after the resume
on 2 train ae.yaml "${best[@]}" train.epochs=2 train.steps=7 --run lost
on 2 train ae.yaml "${best[@]}" train.epochs=2 --run lost --resume
leads lost checkpoint-000000014.h5
: >lost/checkpoint-000000014.h5
on 2 train ae.yaml "${best[@]}" train.steps=8 --run lost --resume
leads lost checkpoint-000000007.h5
: >lost/checkpoint-000000008.h5
rm lost/checkpoint-000000007.h5
ln -sf checkpoint-000000008.h5 lost/checkpoint-best.h5
ends_with 3 "no checkpoint in lost can be read" train ae.yaml "${best[@]}" --run lost --resume
on 2 train ae.yaml "${best[@]}" train.epochs=1 --run lost --overwrite
holds lost "checkpoint-000000007.h5 checkpoint-best.h5 codes-000001.h5 config.yaml metrics.csv run.log"
on 2 train ae.yaml data.shards=6 checkpoint.keep=1 output.codes=last train.epochs=2 --run lost --resume
holds lost "checkpoint-000000007.h5 checkpoint-000000014.h5 checkpoint-best.h5 codes-000002.h5 config.yaml metrics.csv run.log"
# what refuses the link is said once
mkdir -p refused/checkpoint-best.h5
on 2 train ae.yaml "${best[@]}" checkpoint.keep=1 --run refused --resume
if [ "$(grep -c 'warning: refused/checkpoint-best.h5 cannot be made' log)" != 1 ]; then fail "a link that is refused is not told once"; fi
holds refused "$final checkpoint-best.h5 codes-000003.h5 config.yaml metrics.csv run.log"

# Another model's parameters: a step of next to no length leaves them what they are.
still=(data.shards=6 train.optimizer=sgd train.learning_rate=1e-12 train.seed=7)
on 1 train vae.yaml "${still[@]}" train.steps=1 --run random
on 1 train vae.yaml "${still[@]}" train.steps=1 --init-from whole-1 --run from-1
on 3 train vae.yaml "${still[@]}" train.steps=1 --init-from whole-1/$final --run from-3
equal from-1/checkpoint-000000001.h5 from-3/checkpoint-000000001.h5
if ! h5diff -d 1e-6 whole-1/$final from-1/checkpoint-000000001.h5 /parameters /parameters; then fail "parameters are not those of --init-from"; fi
if h5diff -d 1e-6 whole-1/$final random/checkpoint-000000001.h5 /parameters /parameters >/dev/null; then fail "parameters are those of any run"; fi
if ! grep -q "the first parameters come from whole-1/$final" from-1/run.log; then fail "run.log does not name the origin"; fi
# resumed, it is the run's own checkpoint that counts, and the origin is kept; a requeued job begins with it
on 2 train vae.yaml "${still[@]}" train.steps=2 --init-from whole-3 --run from-1 --resume
on 2 train vae.yaml "${still[@]}" train.steps=2 --init-from whole-1 --run requeued --resume
equal from-1/checkpoint-000000002.h5 requeued/checkpoint-000000002.h5
for run in from-1 requeued; do
  if ! "$mpiae" info "$run" 2>&1 | grep "/provenance:init_from *whole-1/$final" >/dev/null; then fail "the origin is not in the checkpoint of $run"; fi
done
# a damaged newest checkpoint is passed by
cp -r whole-1 damaged
head -c 5000 whole-1/$final >damaged/$final
on 2 train vae.yaml "${still[@]}" train.steps=1 --init-from damaged --run from-damaged
if ! grep -q 'warning: .*damaged/checkpoint-000000021.h5' log; then fail "a damaged checkpoint is not passed by"; fi
if ! "$mpiae" info from-damaged 2>&1 | grep '/provenance:init_from *damaged/checkpoint-000000014.h5' >/dev/null; then fail "the origin is not the one before"; fi

# What users put beside a run is theirs, whatever they call it; so is a file that bears the name of the link.
on 1 train ae.yaml "${best[@]}" train.epochs=2 --run guests
for name in checkpoint-1000.h5 codes-7.h5 codes-9999.h5 samples-64.h5 samples-.h5; do cp ae.yaml "guests/$name"; done
rm guests/checkpoint-best.h5
cp guests/checkpoint-000000014.h5 guests/checkpoint-best.h5
on 2 train ae.yaml "${best[@]}" train.epochs=3 --run guests --resume
on 2 train ae.yaml train.epochs=4 data.shards=6 checkpoint.keep=1 --run guests --resume
for name in checkpoint-1000.h5 codes-7.h5 codes-9999.h5 samples-64.h5 samples-.h5 checkpoint-best.h5; do
  if [ ! -f "guests/$name" ] || [ -L "guests/$name" ]; then fail "guests/$name is gone"; fi
done
# A resume that forgets checkpoint.best leaves the best one alone.
on 2 train ae.yaml "${best[@]}" train.epochs=1 --run forgot
on 2 train ae.yaml data.shards=6 checkpoint.keep=1 train.epochs=4 --run forgot --resume
leads forgot checkpoint-000000007.h5
if [ ! -e forgot/checkpoint-000000007.h5 ]; then fail "the best checkpoint is gone"; fi

# Losses of another test set are not compared with.
on 1 synth glyphs --count 50 --seed 4 --out easy.h5
on 1 synth glyphs --count 50 --classes 40 --seed 5 --out hard.h5
on 2 train ae.yaml data.shards=6 data.test=easy.h5 train.epochs=3 --run tests
on 2 train ae.yaml data.shards=6 data.test=hard.h5 train.epochs=8 train.patience=2 train.learning_rate=0.00001 --run tests --resume
if [ ! -e tests/checkpoint-000000056.h5 ]; then fail "losses of two test sets were compared"; fi

finish
