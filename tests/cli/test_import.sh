#!/usr/bin/env bash
# mpiae import of idx files, and what its formats share.
# usage: test_import.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_images
printf '\0\0\010\001\0\0\0\003\0\001\002' >labels-3
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefg' >images-short
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefghi' >images-long
printf '\0\0\015\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefgh' >images-float
printf 'GIF89a' >images-gif
: >empty
head -c 30 images.gz >truncated.gz
cp images.gz train-images-idx3-ubyte.gz
cp labels.gz train-labels-idx1-ubyte.gz
mkdir read-only

refuse 2 "cannot import the format 'png'; known are cifar10, idx, npy" import png images --out b.h5
for format in cifar10 idx npy; do accept "  $format  " import --help; done
refuse 2 "mpiae import needs more: cifar10|idx|npy FILES..." import idx --out b.h5
refuse 2 "mpiae import needs --out FILE" import idx images
refuse 2 "--limit must be an integer of at least 1, not '0'" import idx images --limit 0 --out b.h5
refuse 2 "--shuffle needs a value: --shuffle SEED" import idx images --shuffle --out b.h5
refuse 3 "absent" import idx absent --out b.h5
refuse 3 "images-gif" import idx images-gif --out b.h5
refuse 3 "images-float" import idx images-float --out b.h5
refuse 3 "images-short" import idx images-short --out b.h5
refuse 3 "images-long" import idx images-long --out b.h5
refuse 3 "truncated.gz" import idx truncated.gz --out b.h5
refuse 3 "empty" import idx empty --out b.h5
refuse 3 "read-only" import idx read-only --out b.h5
refuse 3 "labels-3" import idx images --labels labels-3 --out b.h5
refuse 3 "absent" import idx images --labels absent --out b.h5
refuse 3 "labels" import idx labels images --out b.h5
absent b.h5
refuse 3 "no-directory" import idx images --out no-directory/b.h5
accept "" import idx images images.gz --out b.h5
accept "(4, 1, 2, 2)" info b.h5
accept "" import idx images.gz --labels labels.gz --shuffle 3 --limit 1 --out c.h5
accept "(1, 1, 2, 2)" info c.h5
example import
refuse 2 "--classes needs --labels" import idx images --classes 1 --out d.h5
refuse 2 "--classes names 2, but no example in labels has that label" import idx images --labels labels --classes 1,2 --out d.h5
malformed=('1,')
if [ "$ranks" = 1 ]; then malformed=(',' '1,' ',1' '1,,0' '1,1' a 1a -1 1.0 99999999999 99999999999999999999); fi
for classes in "${malformed[@]}"; do
  refuse 2 "not '$classes'" import idx images --labels labels --classes "$classes" --out d.h5
done
refuse 2 "--classes needs a value" import idx images --labels labels --out d.h5 --classes
cp images images.h5
refuse 2 "--out images.h5 would replace the input images.h5" import idx images.h5 --out images.h5
refuse 2 "--out ./labels: what is there is not of the kind 'dataset'" import idx images --labels labels --out ./labels
accept "" import idx images --labels labels --classes 1 --out d.h5
accept "(1, 1, 2, 2)" info d.h5
refuse 2 "images: what is there is not of the kind 'dataset'" import idx images.gz --out images
refuse 2 "--out images would replace the input images" import idx images --out images

finish
