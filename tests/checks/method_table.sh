#!/usr/bin/env bash
# method_table.sh program readme: the table between <!-- methods --> and <!-- end of methods --> is what the program prints.
set -euo pipefail
program=$1 readme=$2

if ! diff <(sed -n '/^<!-- methods -->$/,/^<!-- end of methods -->$/p' "$readme" | sed '1d;$d') <("$program"); then
  echo "$readme has another table of methods than include/zolt/method/registry.hpp: paste what $program prints" >&2
  exit 1
fi
