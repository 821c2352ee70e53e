#!/usr/bin/env bash
# One forward serves every estimator: the `logits` of both quickstarts are the same lines, to the letter.
set -euo pipefail
root=$1
forward() { awk '/^  const auto logits = / { inside = 1 } inside { print } inside && /^  };$/ { exit }' "$1"; }
[ -n "$(forward "$root/examples/quickstart.cpp")" ] || { echo "examples/quickstart.cpp has no forward called logits"; exit 1; }
diff <(forward "$root/examples/quickstart.cpp") <(forward "$root/examples/quickstart_layers.cpp") \
  || { echo "examples/quickstart_layers.cpp does not have the forward of examples/quickstart.cpp as it stands"; exit 1; }
