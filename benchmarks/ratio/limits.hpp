#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory.hpp"
#include "references.hpp"
#include "suite.hpp"

/// What memory allows, on the same memory as the kernel beside it.
namespace ratio {

/// Floats read and written in place.
inline rival in_place_floats(zolt::thread_team& team, std::span<float> w, measure by = measure::bytes) {
  const auto n = static_cast<double>(w.size());
  const auto run = [&team, w] {
    on_parts(team, w.size(), [&](std::size_t, std::size_t first, std::size_t count) { scale(w.subspan(first, count), -1.0f); });
  };
  return {by == measure::passes ? "float RMW passes" : "float RMW", by, {8 * n, n, run}, true};
}
/// Bytes read and written in place: by bytes, by the weight where a weight is less than a byte, or in passes.
inline rival in_place_bytes(zolt::thread_team& team, std::span<std::uint8_t> bytes, measure by) {
  const auto n = static_cast<double>(bytes.size());
  const auto run = [&team, bytes] {  // 0, opaque to the compiler in another file: the codes stay
    on_parts(team, bytes.size(), [&](std::size_t, std::size_t first, std::size_t count) { add_to_bytes(bytes.subspan(first, count), 0); });
  };
  return {by == measure::passes ? "byte RMW passes" : "byte RMW per weight", by, {2 * n, n, run}, true};
}
/// A copy between two buffers that reads and writes as many bytes in all as the kernel beside it.
inline rival copied(zolt::thread_team& team, std::span<const std::byte> from, std::span<std::byte> to) {
  const auto n = static_cast<double>(to.size());
  const auto run = [&team, from, to] {
    on_parts(team, to.size(),
             [&](std::size_t, std::size_t first, std::size_t count) { copy_bytes(from.data() + first, to.data() + first, count); });
  };
  return {"memcpy", measure::bytes, {2 * n, n / 2, run}, true};
}

}  // namespace ratio
