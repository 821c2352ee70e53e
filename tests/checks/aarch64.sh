#!/usr/bin/env bash
# aarch64.sh golden-dir include-dir work-dir
# Compiles every golden program for aarch64, where NEON is the baseline and every target fuses, runs it in an emulator for 1 and 7 threads,
# and fails unless it prints what it prints elsewhere. The kernels go through clang++ too, if it finds the headers of that architecture.
# Exit status 77: there is no cross compiler or no emulator.
set -euo pipefail

if [[ ${1-} == --one ]]; then # one program and compiler; started by xargs below
  id=$2 name=$3
  read -r -a command <<<"$4"
  expected=$(<"$ZOLT_GOLDEN/$name.txt")
  start=$SECONDS
  # Without shared libraries the emulator needs no file of the other architecture.
  if ! "${command[@]}" -std=c++20 -static -pthread "-I$ZOLT_INCLUDE" "$ZOLT_GOLDEN/${name}_golden.cpp" -o "$id" >"$id.log" 2>&1; then
    echo "DIFFER $4 $name: does not compile: $(grep -m 1 error "$id.log" || true)" >"$id.result"
    exit 0
  fi
  compiled=$SECONDS
  for threads in $5; do
    output=$(env -u ZOLT_INSTRUCTION_SET qemu-aarch64 "./$id" "$ZOLT_GOLDEN/data" "$threads" 2>"$id.log") || output="exit status $?, see $id.log"
    verdict=ok
    if [[ $output != "$expected" ]]; then verdict=DIFFER; fi
    echo "$verdict $4 $name threads=$threads: $output, expected $expected"
  done >"$id.result"
  echo "     $((compiled - start)) s to compile, $((SECONDS - compiled)) s to run" >>"$id.result"
  rm -f "$id"
  exit 0
fi

for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v "$tool" >/dev/null; then
    echo "skipped: there is no $tool (Debian: g++-aarch64-linux-gnu, qemu-user)"
    exit 77
  fi
done

script=$(realpath "${BASH_SOURCE[0]}")
export ZOLT_GOLDEN=$1 ZOLT_INCLUDE=$2
work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work"

clang="clang++ --target=aarch64-linux-gnu"
echo '#include <thread>' >headers.cpp
if ! command -v clang++ >/dev/null || ! $clang -std=c++20 -fsyntax-only headers.cpp 2>headers.log; then
  echo "clang++ has no headers for aarch64, so g++ alone is checked"
  clang=
fi

id=0
for source in "$ZOLT_GOLDEN"/*_golden.cpp; do
  name=$(basename "$source" _golden.cpp)
  id=$((id + 1))
  printf '%s\0%s\0%s\0%s\0' "program_$id" "$name" "aarch64-linux-gnu-g++ -O2" "1 7"
  if [[ -n $clang && $name == kernels ]]; then
    id=$((id + 1))
    printf '%s\0%s\0%s\0%s\0' "program_$id" "$name" "$clang -O2" "1"
  fi
done | xargs -0 -n 4 -P 2 bash "$script" --one

# shellcheck disable=SC2012 # our own file names
ls program_*.result | sort -t_ -k2 -n | xargs cat | tee all
! grep -q '^DIFFER' all && grep -q '^ok' all
