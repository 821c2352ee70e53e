#include <gtest/gtest.h>

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
  static constexpr std::size_t size = 333;

  static std::vector<std::byte> random_bytes(std::uint64_t seed) {
    test::draws random(seed);
    std::vector<std::byte> bytes(tested::bytes_for(size));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
    return bytes;
  }
  static code random_code(test::draws& random) { return static_cast<code>(random.below(tested::packed ? 16 : 256)); }
};
using all_packings = testing::Types<std::integral_constant<int, 2>, std::integral_constant<int, 4>, std::integral_constant<int, 8>>;
TYPED_TEST_SUITE(packings, all_packings);

TYPED_TEST(packings, store_changes_its_element_alone) {
  using codes = typename TestFixture::tested;
  auto bytes = this->random_bytes(1);
  test::draws random(2);
  std::vector<code> model(this->size);
  for (std::size_t i = 0; i < this->size; ++i) model[i] = codes::load(bytes.data(), i);
  for (std::size_t i = 0; i < this->size; ++i) {
    model[i] = this->random_code(random);
    codes::store(bytes.data(), i, model[i]);
    for (std::size_t j = 0; j < this->size; ++j)
      ASSERT_EQ(codes::load(bytes.data(), j), model[j]) << "element " << j << " after a store to " << i;
  }
}

TYPED_TEST(packings, every_element_has_bits_of_its_own_inside_the_buffer) {
  using codes = typename TestFixture::tested;
  std::vector<std::byte> bytes(codes::bytes_for(this->size));
  std::size_t bits_set = 0;
  for (std::size_t i = 0; i < this->size; ++i) {
    codes::store(bytes.data(), i, codes::packed ? 0xf : 0xff);
    bits_set += codes::packed ? 4 : 8;
    std::size_t found = 0;
    for (const std::byte b : bytes) found += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(b)));
    ASSERT_EQ(found, bits_set) << i;
  }
}

TYPED_TEST(packings, unpack_is_load_at_every_offset) {
  using codes = typename TestFixture::tested;
  const auto bytes = this->random_bytes(3);
  std::vector<code> out(this->size);
  for (std::size_t first = 0; first < 100; ++first)
    for (const std::size_t count : {0u, 1u, 15u, 31u, 32u, 33u, 64u, 97u, 233u}) {
      codes::unpack(bytes.data(), first, count, out.data());
      for (std::size_t j = 0; j < count; ++j) ASSERT_EQ(out[j], codes::load(bytes.data(), first + j)) << first << " + " << j;
    }
}

TEST(packing, puts_element_j_and_j_plus_16_into_byte_j) {
  std::vector<std::byte> bytes(packing<4>::bytes_for(64));
  packing<4>::store(bytes.data(), 3, 0xa);
  packing<4>::store(bytes.data(), 19, 0x5);
  packing<4>::store(bytes.data(), 32 + 16, 0xc);
  EXPECT_EQ(bytes[3], std::byte{0x5a});
  EXPECT_EQ(bytes[16], std::byte{0xc0});
  packing<4>::store(bytes.data(), 3, 0xf7);  // more than four bits
  EXPECT_EQ(bytes[3], std::byte{0x57});
}

TEST(packing, needs_whole_blocks_of_four_bit_codes) {
  EXPECT_EQ(packing<4>::bytes_for(0), 0u);
  EXPECT_EQ(packing<4>::bytes_for(1), 16u);
  EXPECT_EQ(packing<4>::bytes_for(32), 16u);
  EXPECT_EQ(packing<4>::bytes_for(33), 32u);
  EXPECT_EQ(packing<8>::bytes_for(33), 33u);
}

}  // namespace
}  // namespace zolt
