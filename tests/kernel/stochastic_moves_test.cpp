#include "zolt/kernel/stochastic_moves.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/rounding.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::test {
namespace {

TEST(stochastic_moves, are_those_of_the_rounding_bit_for_bit) {
  std::vector<float> delta = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, 2.5f, -0x1p-149f, 0x1p-33f, 0x1p-32f, 1 - 0x1p-24f, -(1 - 0x1p-24f), 1e9f};
  draws random(5);
  while (delta.size() < 5000) delta.push_back(random.normal() * std::exp2(static_cast<float>(delta.size() % 40) - 36.0f));
  std::vector<std::uint32_t> words(delta.size());
  const random_stream source({1, 2, 3}, 4, stream::round_update);
  for (std::size_t j = 0; j < words.size(); ++j) words[j] = source.word(j);
  for (std::size_t j = 0; j < words.size(); j += 3) {  // on both sides of the threshold
    const grid_position at = locate_on_integers(delta[j]);
    words[j] = static_cast<std::uint32_t>(at.fraction >> 32) - (j % 2 == 0 && at.fraction >> 32 != 0 ? 1u : 0u);
  }
  for (const int bits : {0, 2, 4}) {
    std::vector<std::int32_t> moves(delta.size());
    kernel::find_stochastic_moves(delta.data(), static_cast<float>(1 << bits), words.data(), delta.size(), moves.data());
    for (std::size_t j = 0; j < delta.size(); ++j) {
      const int by = stochastic_rounding{}(locate_on_integers(delta[j] * static_cast<float>(1 << bits)), words[j]);
      const bool small = std::abs(delta[j] * static_cast<float>(1 << bits)) < 1;
      ASSERT_TRUE(small ? (moves[j] != 0) == (by != 0) : moves[j] != 0) << delta[j] << " word " << words[j];
    }
  }
}

}  // namespace
}  // namespace zolt::test
