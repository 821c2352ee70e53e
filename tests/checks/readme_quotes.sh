#!/usr/bin/env bash
# The README shows the quickstart as it is compiled: every line of it, in order, in the first block of C++.
set -euo pipefail
root=$1
diff <(awk '/^```cpp$/ && !seen { seen = 1; inside = 1; next } /^```$/ { inside = 0 } inside' "$root/README.md") "$root/examples/quickstart.cpp" \
  || { echo "README.md does not quote examples/quickstart.cpp as it stands"; exit 1; }
