#!/usr/bin/env bash
# mpiae evaluate.
# usage: test_evaluate.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
make_models
prepare sample runs/glyphs --like test.h5:0,10,20 --count 5 --out like.h5

accept '"elbo": -' evaluate plane test.h5 --samples 3 --json
accept "importance_weighted_bound" evaluate plane test.h5 --samples 3
accept "no ELBO" evaluate runs/glyphs test.h5
accept "label_price" evaluate runs/glyphs test.h5
accept "neighbours_acc" evaluate plane-ae test.h5
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" evaluate plane vectors.h5
refuse 3 "absent.h5" evaluate plane absent.h5
refuse 3 "absent" evaluate absent test.h5
refuse 2 "--samples: plane-ae has no bound" evaluate plane-ae test.h5 --samples 2
refuse 2 "--samples: runs/glyphs has no bound" evaluate runs/glyphs test.h5 --samples 2
refuse 2 "--samples must be an integer from 1" evaluate plane test.h5 --samples 0
refuse 2 "--shots is for few-shot classification: give --ways" evaluate plane test.h5 --shots 5
refuse 2 "--ways: model 'vae' has no code for classes" evaluate plane test.h5 --ways 3
refuse 2 "test.h5 has 10 classes with at least 2 examples, but --ways is 11" evaluate runs/glyphs test.h5 --ways 11
refuse 2 "has no known /label: labels say what the classes of episodes are" evaluate runs/glyphs like.h5:/x --ways 2
refuse 2 "--prior: model 'vae' has no codebook" evaluate plane test.h5 --prior plane-ae
accept '"few_shot_acc": 0.' evaluate runs/glyphs test.h5 --ways 3 --episodes 4 --json

finish
