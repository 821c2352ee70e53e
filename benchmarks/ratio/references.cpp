#include "references.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ratio {

void scale(std::span<float> w, float c) {
  for (float& x : w) x *= c;
}

void add_to_bytes(std::span<std::uint8_t> bytes, std::uint8_t c) {
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(b + c);
}

void copy_bytes(const void* from, void* to, std::size_t bytes) { std::memcpy(to, from, bytes); }

void stored_adam::operator()(std::span<float> w, std::span<float> first, std::span<float> second, std::span<const float> z, float c) const {
  // Pointers that the compiler may take as distinct: without that it would check for overlap and could not vectorise four streams.
  float* __restrict weights = w.data(), * __restrict m = first.data(), * __restrict v = second.data();
  const float* __restrict direction = z.data();
  const float step = rate / first_correction, divisor = 1 / second_correction;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float g = c * direction[i];
    m[i] = first_decay * m[i] + (1 - first_decay) * g;
    v[i] = second_decay * v[i] + (1 - second_decay) * g * g;
    weights[i] -= step * m[i] / (std::sqrt(v[i] * divisor) + epsilon);
  }
}

void update_codes_one_by_one(std::span<std::int8_t> codes, float c, std::uint32_t seed) {
  r123::Philox4x32 generator;
  r123::Philox4x32::ctr_type counter{};
  const r123::Philox4x32::key_type key{{seed, 0}};
  for (std::size_t i = 0; i + 4 <= codes.size(); i += 4) {
    counter[0] = static_cast<std::uint32_t>(i / 4);
    const r123::Philox4x32::ctr_type words = generator(counter, key);
    for (std::size_t j = 0; j < 4; ++j) {
      const float z = (words[j] & 1) != 0 ? -1.0f : 1.0f, u = static_cast<float>(words[j] >> 8) * 0x1p-24f;
      const float moved = std::floor(static_cast<float>(codes[i + j]) + c * z + u);
      codes[i + j] = static_cast<std::int8_t>(std::clamp(moved, -127.0f, 127.0f));
    }
  }
}

}  // namespace ratio
