#include "flag_kernels.hpp"

#include <vector>

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/sgd.hpp"
#if __has_include("zolt/kernel/direction.hpp")
#include "zolt/kernel/direction.hpp"
#endif

namespace {

constexpr zolt::shape weights{128, 2048};  // a mebibyte of floats
const zolt::random_stream directions({1, 2, 3}, 4, zolt::stream::direction);

zolt::tensor<float>& floats() {
  static zolt::tensor<float> w = [] {
    zolt::tensor<float> made(weights);
    for (std::size_t i = 0; i < made.size(); ++i)
      made.data()[i] = static_cast<float>(static_cast<std::uint32_t>(i) * 2654435761u >> 8) * 0x1p-24f - 0.5f;
    return made;
  }();
  return w;
}
template <class Format>
auto& codes() {
  static auto made = zolt::quantize<Format, zolt::per_group<128>>("w", floats());
  return made;
}

void words() {
  static std::vector<std::uint32_t> all(std::size_t{1} << 14);
  directions.groups(0, all.size() / zolt::random_stream::group_size, all.data());
}
template <class Distribution>
void fill() {
  static std::vector<std::int16_t> all(std::size_t{1} << 14);
  zolt::distribution::fill<Distribution>(directions, 0, all);
}
#if __has_include("zolt/kernel/direction.hpp")
template <class Distribution>
void add() {
  static float coefficient = 0x1p-12f;
  zolt::kernel::add_direction<Distribution>(directions, 0, coefficient, floats().flat());
  coefficient = -coefficient;
}
#endif
template <class Format>
void decode() {
  static zolt::tensor<float> to(weights);
  codes<Format>().view().decode(0, to.flat());
}
template <class Format, class Rounding>
void quantize() {
  using quantizer = zolt::quantizer<Format, zolt::per_group<128>, zolt::absmax, Rounding>;
  static typename quantizer::tensor_type to(weights);
  if constexpr (requires { quantizer{}.requantize("w", floats().view(), to); })
    quantizer{}.requantize("w", floats().view(), to);
  else
    to = quantizer{}("w", floats().view());
}
template <class Format>
void update() {
  static zolt::optimizer optimizer{zolt::parameters(zolt::parameter{"w", codes<Format>()}), zolt::rademacher{}, zolt::sgd{.rate = 0.01},
                                   zolt::options{.record = false}};
  const zolt::logged_term term{0, 30};
  optimizer.apply({optimizer.step_number(), 0, 0.01f, 1}, {&term, 1});
}

constexpr double all = 128 * 2048, some = 1 << 14;
constexpr flag_kernel listed[] = {
    {"words_threefry", some, words},
    {"fill_rademacher", some, fill<zolt::distribution::rademacher>},
    {"fill_gaussian", some, fill<zolt::distribution::gaussian>},
    {"fill_uniform", some, fill<zolt::distribution::uniform>},
#if __has_include("zolt/kernel/direction.hpp")
    {"add_rademacher", all, add<zolt::distribution::rademacher>},
    {"add_gaussian", all, add<zolt::distribution::gaussian>},
    {"add_uniform", all, add<zolt::distribution::uniform>},
#endif
    {"dequantize_int8", all, decode<zolt::int8>},
    {"dequantize_int4", all, decode<zolt::int4>},
    {"dequantize_e4m3fn", all, decode<zolt::e4m3fn>},
    {"quantize_int8_8_bits", all, quantize<zolt::int8, zolt::few_bit_stochastic<8>>},
    {"quantize_int4_8_bits", all, quantize<zolt::int4, zolt::few_bit_stochastic<8>>},
    {"quantize_e4m3fn_16_bits", all, quantize<zolt::e4m3fn, zolt::few_bit_stochastic<16>>},
    {"update_int8_often", all, update<zolt::int8>},
    {"update_int4_often", all, update<zolt::int4>},
};

}  // namespace

extern "C" const flag_kernel* flag_kernels(std::size_t& count) {
  count = std::size(listed);
  return listed;
}
