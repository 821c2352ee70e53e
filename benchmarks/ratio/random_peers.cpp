#include <Random123/philox.h>

#include <Random123/boxmuller.hpp>
#include <random>

#include "peers.hpp"

namespace ratio::peer {

void standard_add_normal(std::span<float> w, float c) {
  static std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& x : w) x += c * normal(generator);
}

void random123_add_normal(std::span<float> w, float c) {
  r123::Philox4x32 generator;
  r123::Philox4x32::ctr_type counter{};
  const r123::Philox4x32::key_type key{{1, 0}};
  for (std::size_t i = 0; i + 4 <= w.size(); i += 4) {
    counter[0] = static_cast<std::uint32_t>(i / 4);
    const r123::Philox4x32::ctr_type words = generator(counter, key);
    const r123::float2 first = r123::boxmuller(words[0], words[1]), second = r123::boxmuller(words[2], words[3]);
    w[i] += c * first.x;
    w[i + 1] += c * first.y;
    w[i + 2] += c * second.x;
    w[i + 3] += c * second.y;
  }
}

void standard_words(std::span<std::uint32_t> words) {
  static std::mt19937 generator(1);
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(generator());
}

void random123_words(std::span<std::uint32_t> words) {
  r123::Philox4x32 generator;
  r123::Philox4x32::ctr_type counter{};
  const r123::Philox4x32::key_type key{{1, 0}};
  for (std::size_t i = 0; i + 4 <= words.size(); i += 4) {
    counter[0] = static_cast<std::uint32_t>(i / 4);
    const r123::Philox4x32::ctr_type block = generator(counter, key);
    for (std::size_t j = 0; j < 4; ++j) words[i + j] = block[j];
  }
}

}  // namespace ratio::peer
