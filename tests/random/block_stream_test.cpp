#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/statistics.hpp"
#include "zolt/random/block_stream.hpp"

namespace zolt {
namespace {

constexpr direction_key some_key{.run = 42, .step = 5, .query = 1};
constexpr std::uint64_t some_parameter = 99;
constexpr std::size_t per_block = block_stream::groups_per_block * block_stream::group_size;

TEST(xoshiro128pp, gives_the_numbers_of_its_authors) {
  std::uint32_t s[4] = {1, 2, 3, 4};
  for (const std::uint32_t wanted : {641u, 1573767u, 3222811527u, 3517856514u, 836907274u, 4247214768u, 3867114732u, 1355841295u}) {
    std::uint32_t drawn;
    xoshiro128pp::draw(s, drawn);
    EXPECT_EQ(drawn, wanted);
  }
}

TEST(block_stream, is_what_its_definition_says) {
  const random_stream seeds(some_key, some_parameter, stream::direction);
  const block_stream source(some_key, some_parameter, stream::direction);
  for (const std::uint64_t block : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{1} << 27})
    for (std::uint64_t lane = 0; lane < lane_count; lane += 5) {
      std::uint32_t s[4];
      for (std::uint64_t k = 0; k < 4; ++k) s[k] = seeds.word(64 * block + 16 * k + lane);
      for (std::uint64_t row = 0; row < per_block / lane_count; ++row) {
        std::uint32_t drawn;
        xoshiro128pp::draw(s, drawn);
        ASSERT_EQ(source.word(block * per_block + row * lane_count + lane), drawn) << block << " " << lane << " " << row;
      }
    }
}

TEST(block_stream, words_are_the_same_under_every_instruction_set_wherever_they_begin) {
  const block_stream source(some_key, some_parameter, stream::node);
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{31}, std::uint64_t{1} << 32})
    for (const std::size_t count : {1u, 2u, 15u, 16u, 17u, 40u, 100u, 200u})
      test::for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        std::vector<std::uint32_t> words(count * block_stream::group_size);
        word_kernels<Set>::groups(source, first, count, words.data());
        for (std::size_t i = 0; i < words.size(); i += 3)
          ASSERT_EQ(words[i], source.word(first * block_stream::group_size + i)) << name_of(Set) << " " << first << " " << count;
      });
}

/// Bits in which two lists of words differ are half of them.
void expect_unrelated(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b, const char* what) {
  double differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differing += __builtin_popcount(a[i] ^ b[i]);
  const double bits = 32.0 * static_cast<double>(a.size());
  EXPECT_LT(test::standard_errors(differing, bits / 2, bits / 4), test::allowed_standard_errors) << what;
}
std::vector<std::uint32_t> words_of(const block_stream& source, std::uint64_t group, std::size_t count) {
  std::vector<std::uint32_t> words(count * block_stream::group_size);
  source.groups(group, count, words.data());
  return words;
}

TEST(block_stream, neighbours_of_every_kind_are_unrelated) {
  const block_stream source(some_key, some_parameter, stream::direction);
  const auto words = words_of(source, 0, 1600);
  expect_unrelated(words, words_of(source, 16, 1600), "the next block");
  expect_unrelated(words, words_of(source, 1, 1600), "four rows on");
  expect_unrelated(words, words_of({{42, 5, 2}, some_parameter, stream::direction}, 0, 1600), "the next query");
  expect_unrelated(words, words_of({{42, 6, 1}, some_parameter, stream::direction}, 0, 1600), "the next step");
  expect_unrelated(words, words_of({some_key, some_parameter + 1, stream::direction}, 0, 1600), "the next parameter");
  std::vector<std::uint32_t> plain(words.size());
  source.seeds().groups(0, 1600, plain.data());
  expect_unrelated(words, plain, "the cipher's words");
}

TEST(block_stream, bits_are_fair) {
  const auto words = words_of({{.run = 0}, 0, stream::direction}, 0, 1024);  // seed 0 is a seed
  for (int bit = 0; bit < 32; ++bit) {
    double ones = 0;
    for (const std::uint32_t w : words) ones += w >> bit & 1;
    const auto count = static_cast<double>(words.size());
    EXPECT_LT(test::standard_errors(ones, count / 2, count / 4), test::allowed_standard_errors) << bit;
  }
}

}  // namespace
}  // namespace zolt
