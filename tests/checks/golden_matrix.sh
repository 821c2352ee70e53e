#!/usr/bin/env bash
# golden_matrix.sh source expected-file data-dir include-dir work-dir compiler...
# Compiles the program over {compilers} x {-O0,-O2,-O3} x {baseline,-march=native} x {-ffp-contract=off,fast}, runs each as
# `program data-dir threads` with the kernels of every instruction set of the machine for 1 thread, and with those that it chooses itself for
# 2 and 7 threads, and fails unless every run prints exactly what the expected file holds.
#
# Some programs take half a minute to compile for each variant, which is too much for every day. With two compilers two of the variants that are
# optimized and may fuse are built per compiler: one of -O2 and one of -O3, one of them -march=native. ZOLT_GOLDEN_ALL=1 builds all.
set -euo pipefail

if [[ ${1-} == --one ]]; then # one variant; started by xargs below
  id=$2
  read -r -a command <<<"$3"
  if ! "${command[@]}" -std=c++20 -pthread "-I$ZOLT_INCLUDE" "$ZOLT_SOURCE" -o "$id" >"$id.log" 2>&1; then
    why=$(grep -m 1 'error' "$id.log" || true)
    echo "$3|||does not compile: ${why//|/ }" >"$id.result"
    exit 0
  fi
  run() { # run threads set; an empty set is the program's own choice
    local -x ZOLT_INSTRUCTION_SET=$2
    if [[ -z $2 ]]; then unset ZOLT_INSTRUCTION_SET; fi
    local output
    output=$("./$id" "$ZOLT_GOLDEN_DATA" "$1" 2>"$id.log" | tr -d '\r') || output="exit status $?, see $id.log"
    echo "$3|$1|${2:-chosen}|$output"
  }
  {
    for set in $ZOLT_SETS; do run 1 "$set" "$3"; done
    for threads in 2 7; do run "$threads" "" "$3"; done
  } >"$id.result"
  rm -f "$id" # the log and the result are enough
  exit 0
fi

script=$(realpath "${BASH_SOURCE[0]}")
export ZOLT_SOURCE=$1 ZOLT_GOLDEN_DATA=$3 ZOLT_INCLUDE=$4
expected_file=$2 work=$5
shift 5

rm -rf "$work"
mkdir -p "$work"
cd "$work"

# The instruction sets that this machine has, from the library that has to find them.
cat >sets.cpp <<'EOF'
#include <cstdio>
#include "zolt/core/instruction_set.hpp"
int main() {
  using zolt::instruction_set;
  for (const instruction_set set : {instruction_set::baseline, instruction_set::avx2, instruction_set::avx512})
    if (zolt::is_available(set)) std::printf("%s ", zolt::name_of(set).data());
}
EOF
"$1" -std=c++20 "-I$ZOLT_INCLUDE" sets.cpp -o sets
ZOLT_SETS=$(env -u ZOLT_INSTRUCTION_SET ./sets)
export ZOLT_SETS

# is_built place level contraction optimized: the place of the compiler in the list, and that of the flags among those that are optimized and may
# fuse.
is_built() {
  if [[ -n ${ZOLT_GOLDEN_ALL-} || $compilers -eq 1 ]]; then return 0; fi
  [[ $2 != -O0 && $3 == fast && $((($1 + $4 + ($4 - 1) / 2) % 2)) -eq 0 ]]
}

id=0 place=0 compilers=$#
for compiler in "$@"; do
  optimized=0
  place=$((place + 1))
  for level in -O0 -O2 -O3; do
    for arch in "" " -march=native"; do
      # `fast` is what can go wrong; `off` beside it is what the sources say, and one target with a fused instruction shows that. Neither
      # compiler fuses without optimization: there both give the same object file.
      contractions=(fast)
      if [[ $level != -O0 && -n $arch ]] && echo __FMA__ __ARM_FEATURE_FMA | "$compiler" $arch -E -x c++ - | tail -n 1 | grep -q 1; then
        contractions=(off fast)
      fi
      for contract in "${contractions[@]}"; do
        id=$((id + 1))
        if [[ $level != -O0 && $contract == fast ]]; then optimized=$((optimized + 1)); fi
        if is_built "$place" "$level" "$contract" "$optimized"; then
          printf '%s\0%s\0' "variant_$id" "$compiler $level$arch -ffp-contract=$contract"
        fi
      done
    done
  done
done | xargs -0 -n 2 -P 2 bash "$script" --one

expected="(there is no ${expected_file##*/})"
if [[ -f $expected_file ]]; then expected=$(<"$expected_file"); fi

# shellcheck disable=SC2012 # our own file names
ls variant_*.result | sort -t_ -k2 -n | xargs cat | awk -F'|' -v expected="$expected" -v sets="$ZOLT_SETS" '
  { sub(/^[^ ]*\//, "", $1)
    row[NR] = sprintf("%-6s %-44s threads=%s %-8s  %s", $4 == expected ? "ok" : "DIFFER", $1, $2, $3, $4) }
  { bad += $4 != expected; if (!seen[$4]++) ++outputs }
  END {
    printf "instruction sets %s\nexpected %s\n%d runs, %d differ\n", sets, expected, NR, bad
    if (outputs == 1) print "all print " $4
    else for (i = 1; i <= NR; ++i) print row[i]
    exit bad > 0 || NR == 0
  }'
