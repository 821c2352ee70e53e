#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/number_model.hpp"
#include "support/weights.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

namespace zolt {
namespace {

TEST(scale_layout, is_rows_of_groups) {
  for (std::size_t row = 1; row <= 20; ++row)
    for (std::size_t group = 1; group <= 25; ++group) {
      const scale_layout layout{row, group};
      std::size_t scale = 0, row_start = 0;
      for (std::size_t r = 0; r < 3; ++r, row_start += row)
        for (std::size_t start = 0; start < row; start += group, ++scale) {
          const std::size_t end = std::min(row, start + group);
          for (std::size_t i = start; i < end; ++i) {
            ASSERT_EQ(layout.index(row_start + i), scale) << row << " " << group << " " << i;
            ASSERT_EQ(layout.end(row_start + i), row_start + end) << row << " " << group << " " << i;
          }
        }
      ASSERT_EQ(layout.count(3 * row), scale) << row << " " << group;
    }
}

TEST(scale_layout, is_blocks_of_rows) {
  for (std::size_t row = 1; row <= 9; ++row)
    for (std::size_t group = 1; group <= 10; ++group)
      for (std::size_t block_rows = 1; block_rows <= 4; ++block_rows) {
        constexpr std::size_t rows = 7;
        const scale_layout layout{row, group, block_rows};
        const std::size_t per_row = (row + group - 1) / group;
        ASSERT_EQ(layout.count(rows * row), (rows + block_rows - 1) / block_rows * per_row);
        std::vector<std::size_t> seen(rows * row, 1000);
        for (std::size_t k = 0; k < layout.count(rows * row); ++k)
          layout.for_each_run(k, rows * row, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; ++i) seen[i] = k;
          });
        for (std::size_t i = 0; i < rows * row; ++i) {
          const std::size_t k = i / row / block_rows * per_row + i % row / group;
          ASSERT_EQ(layout.index(i), k);
          ASSERT_EQ(seen[i], k) << "every weight lies in one run of its scale";
          const std::size_t end = layout.end(i);
          EXPECT_TRUE(end == rows * row || layout.next(k, end) == layout.index(end));
        }
      }
}

/// A format of which only the decode is known, so that the kernel has no vector form of it.
struct plain_format {
  static constexpr std::string_view name = "plain_format";
  static constexpr int bits = 4, lowest = -8, highest = 7;
  static constexpr bool has_ordinal(code) { return true; }
  static constexpr int ordinal_of(code c) { return c - 8; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal + 8); }
  static constexpr float value_of(int ordinal) { return 0.1f * static_cast<float>(ordinal); }
};

/// Scales by index.
struct grids {
  const float* scales;
  scaled operator[](std::size_t k) const { return {scales[k]}; }
};

/// One grid for all.
template <class Grid>
struct same_grid {
  Grid grid;
  Grid operator[](std::size_t) const { return grid; }
};

template <class Format>
class decoded : public testing::Test {
 public:
  static constexpr std::size_t size = 3000;
  using codes = packing<Format::bits>;

  decoded() : bytes(codes::bytes_for(size)), scales(size) {
    test::draws random(1);
    std::vector<code> valid;
    for (int c = 0; c < 1 << Format::bits; ++c)
      if (Format::has_ordinal(static_cast<code>(c))) valid.push_back(static_cast<code>(c));
    for (std::size_t i = 0; i < size; ++i) codes::store(bytes.data(), i, valid[random.below(valid.size())]);
    for (float& s : scales) s = random.real(1e-3, 0.1);
  }
  float expected(std::size_t i, const scale_layout& layout) const {
    return Format::value_of(Format::ordinal_of(codes::load(bytes.data(), i))) * scales[layout.index(i)];
  }

  std::vector<std::byte> bytes;
  std::vector<float> scales;
};
using decoded_formats = testing::Types<integer<2>, integer<3>, int4, uint4, nf4, integer<5>, integer<6>, int8, uint8, e4m3fn, e5m2,
                                       minifloat<2, 1, 1, minifloat_kind::finite>, mxint8, plain_format>;
TYPED_TEST_SUITE(decoded, decoded_formats);

TYPED_TEST(decoded, weights_are_value_times_scale_for_random_shapes_and_ranges) {
  test::draws random(2);
  std::vector<float> out(this->size);
  for (int trial = 0; trial < 2000; ++trial) {
    const std::size_t row = random.between(1, 700), group = random.between(1, row + 5);
    const scale_layout layout{row, group};
    const std::size_t weights = this->size / row * row, first = random.below(weights), count = random.between(0, weights - first);
    kernel::decode<TypeParam>(this->bytes.data(), grids{this->scales.data()}, layout, first, std::span(out).first(count));
    for (std::size_t j = 0; j < count; ++j)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[j]), std::bit_cast<std::uint32_t>(this->expected(first + j, layout)))
          << row << " by " << group << ": " << first << " + " << j << " of " << count;
  }
}

template <class Kernels, class Format>
void decode_with(const std::vector<std::byte>& bytes, const std::vector<float>& scales, const scale_layout& layout, std::size_t first,
                 std::span<float> out) {
  Kernels::template decode<Format>(bytes.data(), grids{scales.data()}, layout, first, out.size(), out.data());
}

TYPED_TEST(decoded, every_instruction_set_gives_the_same_bits) {
  test::draws random(3);
  std::vector<float> out(this->size), other(this->size);
  for (int trial = 0; trial < 500; ++trial) {
    const std::size_t row = random.between(1, 700), group = random.between(1, row + 5);
    const scale_layout layout{row, group, random.between(1, 3)};
    const std::size_t weights = this->size / row * row, first = random.below(weights), count = random.between(1, weights - first);
    const std::span<float> part = std::span(out).first(count), other_part = std::span(other).first(count);
    decode_with<decode_kernels<instruction_set::baseline>, TypeParam>(this->bytes, this->scales, layout, first, part);
    for (std::size_t j = 0; j < count; ++j)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(part[j]), std::bit_cast<std::uint32_t>(this->expected(first + j, layout)));
#if defined(__x86_64__)
    if (is_available(instruction_set::avx2)) {
      decode_with<decode_kernels<instruction_set::avx2>, TypeParam>(this->bytes, this->scales, layout, first, other_part);
      ASSERT_EQ(std::memcmp(part.data(), other_part.data(), count * sizeof(float)), 0) << row << " by " << group << ": " << first;
    }
    if (is_available(instruction_set::avx512)) {
      decode_with<decode_kernels<instruction_set::avx512>, TypeParam>(this->bytes, this->scales, layout, first, other_part);
      ASSERT_EQ(std::memcmp(part.data(), other_part.data(), count * sizeof(float)), 0) << row << " by " << group << ": " << first;
    }
#endif
  }
}

// A zero point, and an offset whose sum must not be contracted with the product before it.
TYPED_TEST(decoded, other_grids_are_applied_as_they_say) {
  std::vector<float> out(this->size);
  const auto check = [&](const auto& grid) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = TypeParam::value_of(TypeParam::ordinal_of(TestFixture::codes::load(this->bytes.data(), i)));
    std::vector<float> expected(out.size());
    std::transform(out.begin(), out.end(), expected.begin(), [&](float x) { return grid(x); });
    kernel::apply_grid(grid, out.data(), out.size());
    ASSERT_EQ(std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)), 0);
    std::fill(out.begin(), out.end(), 0.0f);
    kernel::decode<TypeParam>(this->bytes.data(), same_grid<std::remove_cvref_t<decltype(grid)>>{grid}, {out.size(), out.size()}, 0, out);
    ASSERT_EQ(std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)), 0);
  };
  check(affine{0.1f, 7});
  check(affine{0.3f, 0.7f});
  check(shifted{0.1f, 0.7f});
}

TYPED_TEST(decoded, nothing_is_written_beyond_the_range) {
  constexpr float untouched = -12345;
  const scale_layout layout{100, 32};
  for (std::size_t first = 0; first < 40; ++first)
    for (std::size_t count = 0; count < 300; count += 7) {
      std::vector<float> out(count + 32, untouched);
      kernel::decode<TypeParam>(this->bytes.data(), grids{this->scales.data()}, layout, first, std::span(out).first(count));
      for (std::size_t j = count; j < out.size(); ++j) ASSERT_EQ(out[j], untouched) << first << ", " << count;
    }
}

// 16 lanes at a time give the bits of value_of, for every code in every lane; −0 decodes to the +0 of its ordinal.
TYPED_TEST(decoded, every_code_has_the_bits_of_its_value) {
  std::vector<code> all;
  for (int c = 0; c < 1 << TypeParam::bits; ++c)
    if (TypeParam::has_ordinal(static_cast<code>(c))) all.push_back(static_cast<code>(c));
  for (std::size_t shift = 0; shift < 16; ++shift) {
    std::vector<code> shifted(shift, TypeParam::code_of(0));
    shifted.insert(shifted.end(), all.begin(), all.end());
    std::vector<std::byte> packed(packing<TypeParam::bits>::bytes_for(shifted.size()));
    for (std::size_t i = 0; i < shifted.size(); ++i) packing<TypeParam::bits>::store(packed.data(), i, shifted[i]);
    std::vector<float> out(shifted.size());
    const float scale = 1;
    kernel::decode<TypeParam>(packed.data(), grids{&scale}, {shifted.size(), shifted.size()}, 0, out);
    for (std::size_t i = 0; i < shifted.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(TypeParam::value_of(TypeParam::ordinal_of(shifted[i]))))
          << int{shifted[i]};
  }
}

// What is written past the caches is the same, wherever codes and floats begin, and ends where it should.
template <class Format>
void check_past_caches() {
  constexpr std::size_t row = 2944, weights = 8 * row;
  test::draws random(4);
  std::vector<std::byte> bytes(weights);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
  std::vector<float> scales(weights / 32);
  for (float& s : scales) s = random.real(0.1f, 1);
  test::for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    tensor<float> expected(shape{1, weights}), out(shape{1, weights + 40});  // they begin with a register
    std::size_t passed = 0, many = 0;
    for (std::size_t trial = 0; trial < 32; ++trial)
      for (const std::size_t group : {std::size_t{32}, std::size_t{48}, std::size_t{128}, std::size_t{256}, row}) {
        const std::size_t first = trial % 3 == 0 ? 0 : random.below(100), shift = trial % 2 == 0 ? first % 16 : trial / 2 + 1;
        const std::size_t count = random.between(0, weights - first);
        const scale_layout layout{row, group};
        passed += shift % 16 == first % 16 && group % 64 == 0 && count > 2 * group;
        many += shift % 16 == first % 16 && layout.is_one_row() && count > 10000;
        decode_kernels<Set>::template decode<Format>(bytes.data(), grids{scales.data()}, layout, first, count, expected.data());
        std::fill_n(out.data(), out.size(), -1.0f);
        decode_kernels<Set>::template decode_past_caches<Format>(bytes.data(), grids{scales.data()}, layout, first, count,
                                                                 out.data() + shift);
        ASSERT_EQ(std::memcmp(out.data() + shift, expected.data(), count * sizeof(float)), 0)
            << name_of(Set) << " " << shift << ": " << first << " + " << count << " by " << group;
        ASSERT_EQ(out.data()[shift + count], -1.0f);
        ASSERT_TRUE(shift == 0 || out.data()[shift - 1] == -1.0f);
      }
    ASSERT_GT(passed, 10u) << "cases with whole groups under whole registers";
    ASSERT_GT(many, 10u) << "cases of which many pages are written in turns";
  });
}
TEST(decode, past_the_caches_gives_the_same_bits) {
  check_past_caches<int8>();
  check_past_caches<int4>();
  check_past_caches<e4m3fn>();
  check_past_caches<integer<3>>();
}

// A buffer of somebody else may hold any bytes: bits above the code must not lead anywhere.
TEST(decode, bits_above_a_code_are_ignored) {
  const std::vector<std::byte> all_ones(64, std::byte{0xff});
  std::vector<float> out(40);
  const float scale = 1;
  kernel::decode<integer<6>>(all_ones.data(), grids{&scale}, {64, 64}, 0, out);
  for (const float w : out) EXPECT_EQ(w, -1.0f);
  kernel::decode<integer<3>>(all_ones.data(), grids{&scale}, {64, 64}, 0, out);
  for (const float w : out) EXPECT_EQ(w, -1.0f);
  kernel::decode<minifloat<3, 2, 3, minifloat_kind::finite>>(all_ones.data(), grids{&scale}, {64, 64}, 0, out);
  for (const float w : out) EXPECT_EQ(w, -28.0f);
}

}  // namespace
}  // namespace zolt
