#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "quantize/layout/block_data.hpp"
#include "zolt/quantize/layout/awq.hpp"
#include "zolt/quantize/layout/bitsandbytes.hpp"
#include "zolt/quantize/layout/ggml.hpp"
#include "zolt/quantize/layout/gptq.hpp"
#include "zolt/quantize/layout/microscaling.hpp"
#include "zolt/quantize/layout/nvfp4.hpp"

// Bytes from anywhere end in a zolt::error or in finite weights; floats from anywhere end in an error or in the nearest codes. Buffers are as
// long as they say, so that AddressSanitizer sees every step beside them. With ZOLT_FUZZ_SECONDS=n each test runs for n seconds.
namespace zolt::test {
namespace {

/// f(words of the trial) again and again. A trial that fails names its seed, from which it can be run alone.
template <class Function>
void fuzz(std::size_t trials, Function&& f) {
  const char* text = std::getenv("ZOLT_FUZZ_SECONDS");
  const double seconds = text == nullptr ? 0 : std::atof(text);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::uint64_t seed = 0;
  for (; seed < trials || elapsed() < seconds; ++seed) {
    draws random(seed);
    f(random);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "trial " << seed;
      break;
    }
  }
  testing::Test::RecordProperty("trials", to_text(seed));
  if (seconds > 0) std::printf("%llu trials\n", static_cast<unsigned long long>(seed));
}

/// Bytes of some character: noise, few bits, many bits, one value.
std::vector<std::byte> any_bytes(draws& random, std::size_t count) {
  std::vector<std::byte> bytes(count);
  const auto kind = random.below(5);
  const auto one = random.word();
  for (std::byte& b : bytes) {
    auto word = random.word();
    if (kind == 1) word &= random.word() & random.word();
    if (kind == 2) word |= random.word() | random.word();
    if (kind == 3) word = one;
    b = static_cast<std::byte>(word & 0xff);
  }
  return bytes;
}
/// A length that is right, or short, or long by a little, or nothing.
std::size_t any_length(draws& random, std::size_t right) {
  const auto kind = random.below(8);
  if (kind == 0) return random.below(right + 1);
  if (kind == 1) return right - std::min<std::size_t>(right, 1);
  if (kind == 2) return right + random.below(5);
  return right;
}
template <class Function>
bool succeeds(Function&& f) {  // whatever is no zolt::error ends the test
  try {
    f();
    return true;
  } catch (const error&) {
    return false;
  }
}
/// Decodes ranges of a view that was accepted; moves codes to both ends of their range and decodes again.
template <class View>
void expect_sound(draws& random, const View& view) {
  const std::size_t size = view.shape().size();
  std::vector<float> all(size);
  view.decode(0, all);
  for (const float w : all) ASSERT_TRUE(exact::is_finite(w));
  const std::size_t first = random.below(size);
  std::vector<float> part(random.between(0, size - first));
  view.decode(first, part);
  for (std::size_t j = 0; j < part.size(); ++j) ASSERT_EQ(part[j], all[first + j]);
  if constexpr (coded_storage<View>) {
    using format = typename View::format;
    for (int k = 0; k < 8; ++k) {
      const std::size_t i = random.below(size);
      ASSERT_EQ(all[i], view.grid(i)(format::value_of(format::ordinal_of(view.code(i)))));
      if constexpr (requires { view.scale_end(i); }) {
        ASSERT_GT(view.scale_end(i), i);
      }
    }
    for (int k = 0; k < 8; ++k) view.set_code(random.below(size), format::code_of(random.below(2) == 0 ? format::lowest : format::highest));
    view.decode(0, all);
    for (const float w : all) ASSERT_TRUE(exact::is_finite(w));
  }
}

template <class Layout>
class block_fuzz : public testing::Test {};
using every_layout =
    testing::Types<ggml_q4_0, ggml_q4_1, ggml_q5_0, ggml_q5_1, ggml_q8_0, ggml_iq4_nl, ggml_mxfp4, ggml_q4_k, ggml_q6_k, mxfp8_e4m3fn,
                   mxfp8_e5m2, mxfp6_e2m3, mxfp6_e3m2, mxfp4, mxint8_block, mx_block<e4m3fn, power_of_two_ceil>, nvfp4>;
TYPED_TEST_SUITE(block_fuzz, every_layout);

template <class L>
void fuzz_bytes_of(draws& random) {
  const shape s{random.between(0, 3), random.below(6) == 0 ? random.below(600) : L::weights * random.between(0, 3)};
  std::size_t right = 0;
  const bool countable = succeeds([&] { right = bytes_for<L>(s); });
  auto bytes = any_bytes(random, countable ? any_length(random, right) : random.below(100));
  if constexpr (quantizable_block_layout<L>)
    if (countable && bytes.size() >= right && random.below(2) == 0) {  // blocks of weights, a few bytes of which are wrong
      const auto weights = normal_weights(s.size(), random.word());
      quantize_blocks<L>("w", {weights.data(), s}, bytes);
      for (auto k = random.below(4); k > 0; --k) bytes[random.below(bytes.size())] = static_cast<std::byte>(random.word());
    }
  const bool accepted = succeeds([&] { check_blocks<L>("w", bytes, s); });
  ASSERT_EQ(succeeds([&] { block_reader<L>("w", bytes, s); }), accepted);
  if (countable) {
    std::vector<float> weights(s.size());
    ASSERT_EQ(succeeds([&] { dequantize_blocks<L>("w", bytes, weights); }), accepted);
    for (const float w : weights) ASSERT_TRUE(exact::is_finite(w));
  }
  if (!accepted) return;
  ASSERT_GE(bytes.size(), right);
  if constexpr (trainable_block_layout<L>)
    expect_sound(random, block_view<L>("w", bytes, s));
  else
    expect_sound(random, block_reader<L>("w", bytes, s));
}
TYPED_TEST(block_fuzz, of_bytes) {
  fuzz(60, [](draws& random) { fuzz_bytes_of<TypeParam>(random); });
}

/// The distance of x from the nearest number of a format on a grid.
template <class Format, class Grid>
double nearest_distance(double x, const Grid& of_value) {
  double least = std::numeric_limits<double>::infinity();
  for (int o = Format::lowest; o <= Format::highest; ++o) least = std::min(least, std::fabs(x - of_value(Format::value_of(o))));
  return least;
}

/// The grid that the codes of a block were made for: its scales before they were rounded to binary16. Nothing where the documented exceptions
/// of tiny blocks hold.
struct real_grid {
  double scale = 0, offset = 0;
  double operator()(double value) const { return value * scale + offset; }
};
template <class L>
std::optional<real_grid> grid_before_storage(const L& layout, const float* block) {
  const auto fitted = layout.fit(block);
  real_grid g{fitted[0].value, 0};
  if constexpr (std::tuple_size_v<std::remove_cvref_t<decltype(fitted)>> == 2) g.offset = fitted[1].value;
  if constexpr (std::same_as<L, nvfp4>) {
    if (layout.tensor_scale / g.scale > std::numeric_limits<float>::max()) return std::nullopt;  // a clamped multiplier
    if (layout.tensor_scale == std::numeric_limits<float>::max()) return std::nullopt;
    g.scale /= layout.tensor_scale;
  } else if constexpr (std::derived_from<L, detail::half_scaled_layout>) {
    if (g.scale != 0 && std::fabs(g.scale) < 0x1p-126) return std::nullopt;
  }
  return g;
}
template <class L>
void fuzz_floats_of(draws& random) {
  using format = typename L::format;
  const std::size_t count = L::weights * random.between(1, 2);
  auto weights = any_block(random, count);
  if (random.below(16) == 0)
    weights[random.below(count)] = random.below(2) == 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  bool finite = true;
  float peak = 0;
  for (const float w : weights) finite &= exact::is_finite(w), peak = std::max(peak, std::fabs(w));
  std::vector<std::byte> bytes;
  if (!succeeds([&] { bytes = quantized<L>(weights); })) {
    ASSERT_TRUE(!finite || peak > 65504) << "weights of usual size can be written";
    return;
  }
  ASSERT_TRUE(finite);
  const auto back = dequantized<L>(bytes, count);  // what was written can be read
  const L layout = detail::layout_in<L>(bytes);
  for (std::size_t k = 0; k < count / L::weights; ++k) {
    const auto grid = grid_before_storage(layout, weights.data() + k * L::weights);
    if (!grid) continue;
    const auto kept = layout.grid(bytes.data() + detail::prefix_of<L>() + k * L::bytes);
    for (std::size_t i = k * L::weights; i < (k + 1) * L::weights; ++i) {
      const code c = layout.code(bytes.data() + detail::prefix_of<L>() + k * L::bytes, i % L::weights);
      const double value = format::value_of(format::ordinal_of(c)), x = weights[i], chosen = (*grid)(value);
      // A multiplication with a rounded reciprocal is off by up to 127·2⁻²³ steps, and a tie missed by δ costs 2δ.
      const double miss = std::fabs(grid->scale) * 0x1p-15;
      ASSERT_LE(std::fabs(x - chosen), nearest_distance<format>(x, *grid) + miss) << "weight " << i << " = " << x << " of " << L::name;
      // What is read differs from that by the rounding of the scales alone.
      double rounding = std::fabs(value * (kept.scale - grid->scale)) + std::fabs(chosen) * 0x1p-22 + 0x1p-149;
      if constexpr (requires { kept.offset; }) rounding += std::fabs(kept.offset - grid->offset) + std::fabs(grid->offset) * 0x1p-22;
      ASSERT_LE(std::fabs(back[i] - chosen), rounding) << "weight " << i << " = " << x << " of " << L::name;
    }
  }
}
TYPED_TEST(block_fuzz, of_floats) {
  if constexpr (quantizable_block_layout<TypeParam>) fuzz(25, [](draws& random) { fuzz_floats_of<TypeParam>(random); });
}

template <int Bits>
void fuzz_gptq(draws& random) {
  using words = packed_words<Bits>;
  const shape s{words::unit_codes * random.between(1, 2),
                random.below(8) == 0 ? random.below(40) : words::unit_codes * random.between(1, 3)};
  const std::size_t groups = random.between(1, 4);
  auto qweight = any_bytes(random, any_length(random, words::bytes_for(s.size())));
  auto qzeros = any_bytes(random, any_length(random, groups * words::bytes_for(s.rows)));
  auto scales = any_bytes(random, any_length(random, 2 * groups * s.rows));
  auto g_idx = any_bytes(random, random.below(3) == 0 ? 0 : any_length(random, 4 * s.columns));
  if (random.below(4) != 0)
    for (std::size_t c = 0; 4 * c + 4 <= g_idx.size(); ++c)
      little_endian::store_u32(g_idx.data() + 4 * c, static_cast<std::uint32_t>(random.below(groups)));
  if (random.below(2) == 0)
    for (std::size_t k = 1; k < scales.size(); k += 2) scales[k] &= std::byte{0xbf};  // no exponent of all ones
  const gptq_tensors<> t{qweight, qzeros, scales, g_idx, random.below(2) == 0 ? gptq_version::v1 : gptq_version::v2};
  if (gptq_view<Bits> view; succeeds([&] { view = gptq_view<Bits>("w", t, s); })) expect_sound(random, view);
  succeeds([&] { static_cast<void>(detect_gptq_version<Bits>("w", qzeros)); });
}
TEST(layer_fuzz, of_gptq_2) { fuzz(60, fuzz_gptq<2>); }
TEST(layer_fuzz, of_gptq_3) { fuzz(60, fuzz_gptq<3>); }
TEST(layer_fuzz, of_gptq_4) { fuzz(60, fuzz_gptq<4>); }
TEST(layer_fuzz, of_gptq_8) { fuzz(60, fuzz_gptq<8>); }

TEST(layer_fuzz, of_awq) {
  fuzz(100, [](draws& random) {
    const std::size_t groups = random.between(1, 4);
    const shape s{groups * random.between(0, 5), random.below(8) == 0 ? random.below(40) : 8 * random.between(1, 4)};
    auto qweight = any_bytes(random, any_length(random, s.size() / 2));
    const auto qzeros = any_bytes(random, any_length(random, groups * s.columns / 2));
    auto scales = any_bytes(random, any_length(random, 2 * groups * s.columns));
    if (random.below(2) == 0)
      for (std::size_t k = 1; k < scales.size(); k += 2) scales[k] &= std::byte{0xbf};
    const awq_tensors<> t{qweight, qzeros, scales};
    if (awq_view<> view; succeeds([&] { view = awq_view<>("w", t, s); })) expect_sound(random, view);
  });
}

template <class Format, std::size_t Block>
void fuzz_bitsandbytes(draws& random) {
  const shape s{random.between(0, 3), random.below(100)};
  {
    auto bytes = any_bytes(random, any_length(random, (s.size() + 1) / 2));
    std::vector<float> absmax(any_length(random, (s.size() + Block - 1) / Block));
    for (float& a : absmax) a = random.below(200) == 0 ? std::bit_cast<float>(random.word() | 0x7f800000u) : any_float(random);
    bitsandbytes_view<Format, Block> view;
    if (succeeds([&] { view = bitsandbytes_view<Format, Block>("w", bytes, absmax, s); })) expect_sound(random, view);
  }
  const auto weights = any_block(random, random.between(1, 150));
  std::vector<std::byte> bytes((weights.size() + 1) / 2);
  std::vector<float> absmax((weights.size() + Block - 1) / Block), back(weights.size());
  quantize_bitsandbytes<Format, Block>("w", weights, bytes, absmax);
  dequantize_bitsandbytes<Format, Block>("w", bytes, scale_view(absmax), back);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const real_grid grid{absmax[i / Block]};
    if (grid.scale < 1e-38) continue;
    // The boundaries of FP4 are decimals of six digits.
    ASSERT_LE(std::fabs(back[i] - weights[i]), nearest_distance<Format>(weights[i], grid) + grid.scale * 2e-6) << i;
  }
}
TEST(layer_fuzz, of_nf4) { fuzz(60, fuzz_bitsandbytes<nf4, 64>); }
TEST(layer_fuzz, of_fp4) { fuzz(60, fuzz_bitsandbytes<fp4_bnb, 32>); }

}  // namespace
}  // namespace zolt::test
