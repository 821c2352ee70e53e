#!/usr/bin/env bash
# Builds the examples for this machine and runs fashion_mnist: examples/run.sh [--out DIR] [arguments of fashion_mnist]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=cmake/debian_packages.sh
source "$root/cmake/debian_packages.sh"

out=$root/build/examples/results
written=(table.txt summary.csv curves.csv curves.svg)
arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    --out=*) out=${1#--out=}; shift ;;
    --layers) written=(table.txt layers.csv); arguments+=("$1"); shift ;;
    --freezing) written=(table.txt freezing.csv); arguments+=("$1"); shift ;;
    --methods) written=(table.txt methods.csv); arguments+=("$1"); shift ;;
    *) arguments+=("$1"); shift ;;
  esac
done

need_packages g++ cmake ninja-build libeigen3-dev libfmt-dev libcli11-dev gnuplot-nox dataset-fashion-mnist zlib1g-dev

build=$root/build/examples
echo "== configure and build in $build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DZOLT_NATIVE=ON \
  -DZOLT_BUILD_TESTS=OFF -DZOLT_BUILD_BENCHMARKS=OFF -DZOLT_BUILD_EXAMPLES=ON
cmake --build "$build" -j "$(nproc)" --target fashion_mnist

mkdir -p "$out"
echo "== run fashion_mnist --out $out ${arguments[*]-}"
# Line by line, since a pipe would hold the progress back.
stdbuf -oL "$build/examples/fashion_mnist" --out "$out" ${arguments[@]+"${arguments[@]}"} | tee "$out/table.txt"

echo
echo "== results"
for file in "${written[@]}"; do
  if [[ -f $out/$file ]]; then echo "$out/$file"; else echo "$out/$file (not written)"; fi
done
