#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <type_traits>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/packing.hpp"

namespace zolt {
namespace {

template <class Bits>
class packings : public testing::Test {
 public:
  using tested = packing<Bits::value>;
  static constexpr std::size_t size = 133;
  static constexpr std::byte guard{0xa5};

  static std::vector<std::byte> random_bytes(std::uint64_t seed) {
    test::draws random(seed);
    std::vector<std::byte> bytes(tested::bytes_for(size));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
    return bytes;
  }
  static code random_code(test::draws& random) { return static_cast<code>(random.below(1u << Bits::value)); }
};
template <int... Bits>
using widths = testing::Types<std::integral_constant<int, Bits>...>;
using all_packings = widths<1, 2, 3, 4, 5, 6, 7, 8>;
TYPED_TEST_SUITE(packings, all_packings);

TYPED_TEST(packings, store_changes_its_element_alone) {
  using codes = typename TestFixture::tested;
  auto bytes = this->random_bytes(1);
  bytes.push_back(this->guard);
  test::draws random(2);
  std::vector<code> model(this->size);
  for (std::size_t i = 0; i < this->size; ++i) model[i] = codes::load(bytes.data(), i);
  for (std::size_t i = 0; i < this->size; ++i) {
    model[i] = this->random_code(random);
    codes::store(bytes.data(), i, model[i]);
    for (std::size_t j = 0; j < this->size; ++j)
      ASSERT_EQ(codes::load(bytes.data(), j), model[j]) << "element " << j << " after a store to " << i;
  }
  EXPECT_EQ(bytes.back(), this->guard);
}

TYPED_TEST(packings, every_element_has_bits_of_its_own_inside_the_buffer) {
  using codes = typename TestFixture::tested;
  std::vector<std::byte> bytes(codes::bytes_for(this->size));
  std::size_t bits_set = 0;
  for (std::size_t i = 0; i < this->size; ++i) {
    codes::store(bytes.data(), i, 0xff);
    bits_set += TypeParam::value;
    std::size_t found = 0;
    for (const std::byte b : bytes) found += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(b)));
    ASSERT_EQ(found, bits_set) << i;
  }
}

TYPED_TEST(packings, unpack_is_load_for_every_range_and_writes_nothing_else) {
  using codes = typename TestFixture::tested;
  const auto bytes = this->random_bytes(3);
  for (std::size_t first = 0; first < 70; ++first)
    for (const std::size_t count : {0u, 1u, 15u, 31u, 32u, 33u, 63u}) {
      constexpr auto untouched = static_cast<code>(TestFixture::guard);
      std::vector<code> out(count + 2, untouched);
      codes::unpack(bytes.data(), first, count, out.data() + 1);
      ASSERT_EQ(out.front(), untouched);
      ASSERT_EQ(out.back(), untouched);
      for (std::size_t j = 0; j < count; ++j) ASSERT_EQ(out[j + 1], codes::load(bytes.data(), first + j)) << first << " + " << j;
    }
}

TYPED_TEST(packings, need_whole_blocks_of_32) {
  using codes = typename TestFixture::tested;
  constexpr std::size_t block = 4 * TypeParam::value;
  EXPECT_EQ(codes::bytes_for(0), 0u);
  EXPECT_EQ(codes::bytes_for(1), codes::packed ? block : 1);
  EXPECT_EQ(codes::bytes_for(32), block);
  EXPECT_EQ(codes::bytes_for(33), codes::packed ? 2 * block : 33);
  EXPECT_EQ(codes::bytes_for(320), 10 * block);
}

/// The bytes that are not zero after one store to an empty buffer of two blocks.
struct stored_byte {
  std::size_t at;
  int value;
  friend bool operator==(const stored_byte&, const stored_byte&) = default;
};
template <int Bits>
std::vector<stored_byte> bytes_of(std::size_t element, code c) {
  std::vector<std::byte> bytes(packing<Bits>::bytes_for(64));
  packing<Bits>::store(bytes.data(), element, c);
  std::vector<stored_byte> found;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != std::byte{0}) found.push_back({i, static_cast<int>(bytes[i])});
  return found;
}
using stored = std::vector<stored_byte>;

TEST(packing, of_4_bits_puts_elements_j_and_j_plus_16_into_byte_j) {
  EXPECT_EQ(bytes_of<4>(3, 0xa), (stored{{3, 0x0a}}));
  EXPECT_EQ(bytes_of<4>(19, 0x5), (stored{{3, 0x50}}));
  EXPECT_EQ(bytes_of<4>(32 + 16, 0xc), (stored{{16, 0xc0}}));
  EXPECT_EQ(bytes_of<4>(3, 0xf7), (stored{{3, 0x07}})) << "more than four bits";
}

TEST(packing, of_1_and_2_bits_fills_a_byte_in_strides) {
  EXPECT_EQ(bytes_of<1>(5, 1), (stored{{1, 0x02}})) << "a block is 4 bytes: element 5 is the second of byte 1";
  EXPECT_EQ(bytes_of<1>(31, 1), (stored{{3, 0x80}}));
  EXPECT_EQ(bytes_of<2>(9, 2), (stored{{1, 0x08}})) << "a block is 8 bytes: element 9 is the second of byte 1";
  EXPECT_EQ(bytes_of<2>(32 + 31, 3), (stored{{15, 0xc0}}));
}

TEST(packing, of_other_widths_puts_the_highest_bits_into_the_first_plane) {
  EXPECT_EQ(bytes_of<3>(9, 0b101), (stored{{1, 0b10 << 2}, {8 + 1, 1 << 2}}));
  EXPECT_EQ(bytes_of<5>(17, 0b1011'1), (stored{{1, 0b1011 << 4}, {16 + 1, 1 << 4}}));
  EXPECT_EQ(bytes_of<6>(18, 0b1011'10), (stored{{2, 0b1011 << 4}, {16 + 2, 0b10 << 4}}));
  EXPECT_EQ(bytes_of<7>(31, 0b1001'11'1), (stored{{15, 0b1001 << 4}, {16 + 7, 0b11 << 6}, {24 + 3, 1 << 7}}));
  EXPECT_EQ(bytes_of<7>(32, 0b0001'00'1), (stored{{28, 0b0001}, {28 + 24, 1}}));
  EXPECT_EQ(bytes_of<8>(33, 0xab), (stored{{33, 0xab}}));
}

}  // namespace
}  // namespace zolt
