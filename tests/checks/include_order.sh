#!/usr/bin/env bash
# include_order.sh include/zolt: fails if a header includes a room below its own, or something that has no place in the core.
set -euo pipefail
cd "$1"

find . -type f ! -name '*.md' | sed 's|^\./||' | sort | xargs -r awk '
  BEGIN {
    n = split("core random numeric kernel parameter quantize direction estimator update optimizer linear method adapter", rooms, " ")
    for (i = 1; i <= n; ++i) rank[rooms[i]] = i
  }
  function fail(why) { printf "include/zolt/%s:%d: %s\n    %s\n", FILENAME, FNR, why, $0; ++failures }
  FNR == 1 {
    ++headers
    room = FILENAME
    if (!sub("/.*", "", room)) room = ""  # zolt.hpp itself
    if (room != "" && !(room in rank)) fail("there is no room " room "/")
  }
  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    file = $0
    sub(/^[^<"]*[<"]/, "", file)
    sub(/[>"].*/, "", file)
    if (room != "adapter" && file ~ /^(random|iostream|functional)$/) fail("<" file "> stays in adapter/")
    if (room !~ /^(adapter|quantize|linear)$/ && file ~ /^(unsupported\/)?Eigen\//) fail("<" file "> stays where linear algebra is needed")
    if (file ~ /\.\.\//) { fail("write zolt/room/header.hpp instead of a path with .."); next }
    if (file !~ /^zolt\//) next  # the standard library, or a file beside this one
    if (file !~ /^zolt\/[^\/]+\//) { fail("no header includes " file); next }
    split(file, part, "/")
    other = part[2]
    if (!(other in rank)) fail("there is no room " other "/")
    else if (other == room) next
    else if (other == "adapter") fail("nobody includes adapter/")
    else if (other == "method" && room != "") fail("only zolt.hpp includes method/")
    else if (room != "" && rank[other] > rank[room]) fail(room "/ comes before " other "/ and must not include it")
  }
  END {
    printf "%d files, %d wrong includes\n", headers, failures
    exit failures > 0
  }'
