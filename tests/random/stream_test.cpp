#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/random/distribution.hpp"
#include "zolt/random/stream.hpp"

namespace zolt {
namespace {

constexpr direction_key some_key{.run = 0x0123456789abcdef, .step = 0x89abcdef, .query = 0xfedcba98};
constexpr std::uint64_t some_parameter = 0xfedcba9876543210;

/// Indices near the start, near every power of two up to 2⁵⁷, and anywhere: block 2³², where the counter's high part begins, is word 2³⁴.
std::vector<std::uint64_t> many_indices() {
  std::vector<std::uint64_t> indices;
  for (std::uint64_t i = 0; i < 300; ++i) indices.push_back(i);
  for (int bit = 9; bit <= 57; ++bit)
    for (const int offset : {-65, -64, -17, -1, 0, 1, 15, 16, 63, 64}) {
      indices.push_back((std::uint64_t{1} << bit) + static_cast<std::uint64_t>(static_cast<std::int64_t>(offset)));
    }
  test::draws random(1);
  for (int i = 0; i < 2000; ++i) indices.push_back(random.long_word() >> (6 + random.below(40)));
  return indices;
}

// The layout is frozen by stream_version: this is its definition, word for word, on the cipher whose answers are known.
TEST(random_stream, is_the_cipher_in_the_frozen_layout) {
  const random_stream source(some_key, some_parameter, stream::mask);
  for (const std::uint64_t i : many_indices()) {
    const std::uint64_t row = i / 16, block = row / 4 * 16 + i % 16;
    const random_block counter{static_cast<std::uint32_t>(block), 0x89abcdef, 0xfedcba98,
                               3u << 24 | static_cast<std::uint32_t>(block >> 32)};
    ASSERT_EQ(source.word(i), threefry4x32::block(counter, {0x89abcdef, 0x01234567, 0x76543210, 0xfedcba98})[row % 4]) << i;
  }
}

TEST(random_stream, word_group_and_reader_agree) {
  const random_stream source(some_key, some_parameter, stream::round_update);
  word_reader reader(source);
  std::uint32_t group[random_stream::group_size];
  for (const std::uint64_t i : many_indices()) {
    source.group(i / random_stream::group_size, group);
    ASSERT_EQ(group[i % random_stream::group_size], source.word(i)) << i;
    ASSERT_EQ(reader(i), source.word(i)) << i;
  }
}

/// Two fields of 32 bits words that have nothing in common: no equal word at an index (probability 10⁻⁶), and half of all bits equal.
void expect_unrelated(const random_stream& a, const random_stream& b, std::string_view what) {
  constexpr std::uint64_t count = 4096;
  int differing_bits = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    EXPECT_NE(a.word(i), b.word(i)) << what << " at " << i;
    differing_bits += std::popcount(a.word(i) ^ b.word(i));
  }
  EXPECT_LT(test::standard_errors(differing_bits, count * 16.0, count * 8.0), test::allowed_standard_errors) << what;
}

TEST(random_stream, every_part_of_the_name_gives_other_words) {
  const random_stream base(some_key, some_parameter, stream::direction);
  const auto with = [](auto change) {
    direction_key key = some_key;
    change(key);
    return random_stream(key, some_parameter, stream::direction);
  };
  for (int bit = 0; bit < 64; bit += 9) {
    expect_unrelated(base, with([bit](direction_key& k) { k.run ^= std::uint64_t{1} << bit; }), "run");
    expect_unrelated(base, random_stream(some_key, some_parameter ^ std::uint64_t{1} << bit, stream::direction), "parameter");
  }
  for (int bit = 0; bit < 32; bit += 7) {
    expect_unrelated(base, with([bit](direction_key& k) { k.step ^= 1u << bit; }), "step");
    expect_unrelated(base, with([bit](direction_key& k) { k.query ^= 1u << bit; }), "query");
  }
  expect_unrelated(base, with([](direction_key& k) { std::swap(k.step, k.query); }), "step and query exchanged");
  for (int purpose = 1; purpose <= static_cast<int>(stream::example_column); ++purpose)
    expect_unrelated(base, random_stream(some_key, some_parameter, static_cast<stream>(purpose)), "stream");
}

TEST(random_stream, bits_are_fair) {
  const random_stream source({.run = 0}, 0, stream::direction);  // seed 0 is a seed
  constexpr std::uint64_t count = 1 << 16;
  std::vector<int> ones(32);
  for (std::uint64_t i = 0; i < count; ++i)
    for (std::size_t bit = 0; bit < 32; ++bit) ones[bit] += static_cast<int>(source.word(i) >> bit & 1);
  for (const int n : ones) EXPECT_LT(test::standard_errors(n, count / 2.0, count / 4.0), test::allowed_standard_errors);
}

TEST(hash_of, gives_the_published_values_of_fnv_1a) {
  EXPECT_EQ(hash_of("", 0), 0xcbf29ce484222325u);
  EXPECT_EQ(hash_of("a", 1), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hash_of("foobar", 6), 0x85944171f73967e8u);
  EXPECT_EQ(hash_of("\xff", 1), (0xcbf29ce484222325u ^ 0xffu) * 0x100000001b3u) << "a byte is unsigned";
}

TEST(philox_blocks, are_the_blocks_of_the_cipher_one_by_one) {
  for (const std::size_t count : {1u, 7u, 8u, 31u, 32u, 33u, 100u})
    test::for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      std::vector<random_block> blocks(count);
      word_kernels<Set>::philox({77, 1, 2, 3}, {5, 6}, count, blocks[0].data());
      for (std::uint32_t i = 0; i < count; ++i)
        ASSERT_EQ(blocks[i], philox4x32::block({77 + i, 1, 2, 3}, {5, 6})) << name_of(Set) << " " << i;
    });
}

TEST(random_stream, words_are_the_same_under_every_instruction_set) {
  const random_stream source(some_key, some_parameter, stream::node);
  constexpr std::uint64_t before_carry = (std::uint64_t{1} << 28) - 2;  // the lowest word of the counter overflows two groups on
  for (const std::uint64_t first : {std::uint64_t{12345}, before_carry})
    for (const std::size_t count : {1u, 2u, 3u, 4u, 7u, 8u})
      test::for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        std::vector<std::uint32_t> words(count * random_stream::group_size);
        word_kernels<Set>::groups(source, first, count, words.data());
        for (std::size_t i = 0; i < words.size(); ++i)
          ASSERT_EQ(words[i], source.word(first * random_stream::group_size + i)) << name_of(Set);
      });
}

// Rows that begin and end anywhere, in and across the groups that are made together.
TEST(made_groups, are_the_stream) {
  const random_stream source({.run = 3, .step = 4}, 5, stream::direction);
  constexpr std::uint64_t per_batch = made_groups::groups_at_once;
  test::for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    made_groups groups(source);
    EXPECT_FALSE(groups.cover(per_batch - 1, per_batch));
    for (const auto& [first, last] : {std::pair{0u, 1u}, {5u, 7u}, {8u, 8u}, {9u, 12u}, {3u, 3u}}) {
      ASSERT_TRUE(groups.cover(first, last));
      for (std::uint64_t g = first; g <= last; ++g)
        for (std::size_t i = 0; i < made_groups::group_size; ++i)
          ASSERT_EQ(groups.made(g)[i], source.word(g * made_groups::group_size + i)) << g << " " << i;
    }
    constexpr std::size_t per_group = 4 * distribution::rademacher::elements_per_row;
    for (const auto& [first, count] : {std::pair{100u, 1500u}, {3u * per_group + 17, 900u}, {7u * per_group, 2048u}}) {
      std::vector<std::int16_t> z(count), wanted(count);
      ASSERT_TRUE(groups.cover(first / per_group, (first + count - 1) / per_group));
      distribution_kernels<Set>::template fill<distribution::rademacher>(groups, first, z.data(), count);
      distribution_kernels<Set>::template fill<distribution::rademacher>(source, first, wanted.data(), count);
      ASSERT_EQ(z, wanted) << name_of(Set) << " " << first;
    }
  });
}

}  // namespace
}  // namespace zolt
