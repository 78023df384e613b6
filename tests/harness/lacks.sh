#!/bin/sh
# A test that cannot be tried here. usage: lacks.sh WHY
echo "skipped: $*"
exit 77
