#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/weights.hpp"
#include "zolt/kernel/codes.hpp"
#include "zolt/numeric/rounding.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::test {
namespace {

TEST(find_moves, are_those_of_the_rounding_bit_for_bit) {
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
  for (const int bits : {0, 2, 4})
    for (const std::size_t count : {1u, 17u, 64u, 2048u}) {
      const auto scale = static_cast<float>(1 << bits);
      std::vector<std::uint16_t> wanted;
      for (std::size_t j = 0; j < count; ++j)
        if (stochastic_rounding{}(locate_on_integers(delta[j] * scale), words[j]) != 0) wanted.push_back(static_cast<std::uint16_t>(j));
      for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        std::vector<std::uint16_t> movers(count);
        movers.resize(code_kernels<Set>::find_moves(delta.data(), scale, words.data(), count, movers.data()));
        ASSERT_EQ(movers, wanted) << name_of(Set) << " " << count;
      });
    }
}

TEST(thrifty_words, are_bytes_of_their_own_above_bits_that_sixty_four_share) {
  const random_stream source({1, 2, 3}, 4, stream::round_update), tails({1, 2, 3}, 4, stream::round_tail);
  kernel::thrifty_words all;
  for (const std::size_t first : {0u, 64u, 100u, 1111u})
    for (const std::size_t count : {1u, 70u, 900u}) {
      const std::uint32_t* words = all.draw(source, tails, first, count);
      for (std::size_t j = 0; j < count; ++j) {
        const std::size_t i = first + j;
        const std::uint32_t own = source.word(16 * (i / 64) + i % 16) >> (8 * (i % 64 / 16)) & 0xff;
        ASSERT_EQ(words[j], own << 24 | tails.word(i / 64) >> 8) << i;
      }
    }
}

}  // namespace
}  // namespace zolt::test
