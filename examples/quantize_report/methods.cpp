#include "methods.hpp"

#include <algorithm>
#include <utility>

#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/layout/ggml.hpp"
#include "zolt/quantize/method/awq.hpp"
#include "zolt/quantize/method/channel_reassembly.hpp"
#include "zolt/quantize/method/fit_additive_codebook.hpp"
#include "zolt/quantize/method/gptq.hpp"
#include "zolt/quantize/method/hadamard.hpp"
#include "zolt/quantize/method/hqq.hpp"
#include "zolt/quantize/method/learnable_clip.hpp"
#include "zolt/quantize/method/smooth_quant.hpp"
#include "zolt/quantize/method/symmetric_min_max.hpp"

namespace quantize_report {
namespace {

using matrix = zolt::tensor<float>;

/// Groups of rows whose length they need not divide.
template <std::size_t N>
using group = zolt::per_group<N, zolt::last_group::shorter>;

/// The weights of a quantized tensor, taken back into the original basis by `restore`, and how far they are from the original there.
template <class Weights, class Restore>
quantized_matrix compared(const std::string& name, const matrix& original, const matrix& transformed, const Weights& weights,
                          std::size_t extra_bytes, Restore&& restore) {
  quantized_matrix result{matrix(original.shape()), zolt::report_on(name, "", transformed, weights, weights.memory() + extra_bytes)};
  weights.decode(0, result.seen.flat());
  restore(result.seen);
  result.report.squared_error = result.report.squared_weights = 0;
  for (std::size_t i = 0; i < original.size(); ++i) {
    const double w = original.data()[i], e = result.seen.data()[i] - w;
    result.report.squared_error += e * e;
    result.report.squared_weights += w * w;
  }
  return result;
}
template <class Weights>
quantized_matrix compared(const std::string& name, const matrix& original, const Weights& weights) {
  return compared(name, original, original, weights, 0, [](matrix&) {});
}

template <class Quantizer>
method nearest(std::string name, Quantizer q = {}) {
  return {std::move(name), [q](const std::string& tensor, const matrix& w, const matrix&) { return compared(tensor, w, q(tensor, w)); }};
}

/// Blocks of a foreign layout along all of a matrix, whose rows they need not divide.
template <class Block>
method blocks() {
  return {std::string(Block::name), [](const std::string& tensor, const matrix& w, const matrix&) {
            const std::size_t whole = (w.size() + Block::weights - 1) / Block::weights * Block::weights;
            matrix row({1, whole}), back({1, whole});
            std::copy_n(w.data(), w.size(), row.data());
            const auto bytes = zolt::quantize_blocks<Block>(tensor, row);
            zolt::dequantize_blocks<Block>(tensor, bytes, back.flat());
            const zolt::block_view<Block, const std::byte> view(tensor, bytes, row.shape());
            quantized_matrix result{matrix(w.shape()), zolt::report_on(tensor, "", row, view, bytes.size())};
            std::copy_n(back.data(), w.size(), result.seen.data());
            result.report.shape = w.shape();
            return result;
          }};
}

template <class Gptq>
method gptq(std::string name, Gptq how) {
  return {std::move(name), [how](const std::string& tensor, const matrix& w, const matrix& inputs) {
            zolt::input_hessian hessian(w.columns());
            hessian.add(inputs);
            return compared(tensor, w, how(tensor, w, hessian));
          }};
}

template <class Awq>
method awq(std::string name, Awq how) {
  return {std::move(name), [how](const std::string& tensor, const matrix& w, const matrix& inputs) {
            const auto best = how(tensor, w, inputs);
            return compared(tensor, w, zolt::with_columns_times(w, best.smoothing), best.weights, best.smoothing.size() * sizeof(float),
                            [&best](matrix& seen) { zolt::divide_columns(seen, best.smoothing); });
          }};
}

quantized_matrix smoothed(const std::string& tensor, const matrix& w, const matrix& inputs) {
  zolt::column_statistics statistics(w.columns());
  statistics.add(inputs);
  const auto result = zolt::smooth_quant<zolt::int8>{}(tensor, statistics.largest(), {w});
  return compared(tensor, w, zolt::with_columns_times(w, result.smoothing), result.weights[0], result.smoothing.size() * sizeof(float),
                  [&result](matrix& seen) { zolt::divide_columns(seen, result.smoothing); });
}

/// Rotated in the largest block that has a Hadamard transform and divides the row.
quantized_matrix rotated(const std::string& tensor, const matrix& w, const matrix&) {
  std::size_t block = w.columns();
  while (w.columns() % block != 0 || zolt::hadamard_order(block) == 0) --block;
  const zolt::random_rotation rotation{.key = {.run = 1}, .block = block};
  matrix turned = w;
  zolt::rotate_columns(turned, rotation);
  return compared(tensor, w, turned, zolt::quantize<zolt::int4, group<32>>(tensor, turned), 0,
                  [&rotation](matrix& seen) { zolt::restore_columns(seen, rotation); });
}

/// Outlier channels cut into pieces, other channels merged to make room, then INT8 per row.
quantized_matrix reassembled(const std::string& tensor, const matrix& w, const matrix& inputs) {
  const zolt::channel_map map = zolt::reassemble_channels(inputs, w, 0.05);
  const matrix inside = map.weights(w);
  const auto q = zolt::quantize<zolt::int8>(tensor, inside);
  quantized_matrix result{matrix(w.shape()), zolt::report_on(tensor, "", inside, q)};
  result.report.bytes += map.factor.size() * sizeof(float) + (map.source.size() + map.target.size()) * sizeof(std::int32_t);
  result.report.shape = w.shape();
  matrix identity({w.columns(), w.columns()}), moved({w.columns(), inside.columns()});
  for (std::size_t j = 0; j < w.columns(); ++j) identity(j, j) = 1;
  map.apply(identity, moved);
  matrix decoded(inside.shape());
  q.decode(0, decoded.flat());
  result.report.squared_error = result.report.squared_weights = 0;
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (std::size_t j = 0; j < w.columns(); ++j) {
      double sum = 0;
      for (std::size_t c = 0; c < inside.columns(); ++c) sum += double{moved(j, c)} * double{decoded(r, c)};
      result.seen(r, j) = static_cast<float>(sum);
      result.report.squared_error += (sum - w(r, j)) * (sum - w(r, j));
      result.report.squared_weights += double{w(r, j)} * double{w(r, j)};
    }
  return result;
}

quantized_matrix clipped(const std::string& tensor, const matrix& w, const matrix&) {
  return compared(tensor, w, zolt::learnable_clip<4, group<32>>(tensor, w).quantized(tensor));
}

quantized_matrix additive(const std::string& tensor, const matrix& w, const matrix&) {
  const std::size_t whole = (w.columns() + 7) / 8 * 8;
  matrix padded({w.rows(), whole});
  for (std::size_t r = 0; r < w.rows(); ++r) std::copy_n(w.view().row(r).data(), w.columns(), padded.view().row(r).data());
  const auto q = zolt::fit_additive_codebook<2, 8>(tensor, padded);
  matrix decoded(padded.shape());
  q.decode(0, decoded.flat());
  quantized_matrix result{matrix(w.shape()), {}};
  result.report.name = tensor;
  result.report.shape = w.shape();
  result.report.bytes = q.memory();
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (std::size_t j = 0; j < w.columns(); ++j) {
      const double e = double{result.seen(r, j) = decoded(r, j)} - double{w(r, j)};
      result.report.squared_error += e * e;
      result.report.squared_weights += double{w(r, j)} * double{w(r, j)};
    }
  return result;
}

template <zolt::number_format Format, std::size_t Group, class Range = zolt::absmax>
using grouped = zolt::quantizer<Format, group<Group>, Range, zolt::nearest_even, zolt::half_scales>;
template <zolt::number_format Format, class Rule>
using microscaled = zolt::quantizer<Format, group<32>, Rule, zolt::nearest_even, zolt::e8m0_scales>;

}  // namespace

const std::vector<method>& methods() {
  using namespace zolt;
  static const std::vector<method> all = {
      nearest<quantizer<int8>>("int8 row"),
      nearest<grouped<int8, 128>>("int8 g128"),
      nearest<quantizer<e4m3fn>>("e4m3fn row"),
      nearest<quantizer<e5m2>>("e5m2 row"),
      nearest<quantizer<e3m4>>("e3m4 row"),
      nearest<microscaled<e4m3fn, power_of_two_floor>>("mxfp8 floor"),
      nearest<microscaled<e4m3fn, power_of_two_ceil>>("mxfp8 ceil"),
      nearest<microscaled<mxint8, power_of_two_floor>>("mxint8"),
      nearest<microscaled<e2m3fn, power_of_two_floor>>("mxfp6 e2m3"),
      nearest<microscaled<e3m2fn, power_of_two_floor>>("mxfp6 e3m2"),
      nearest<microscaled<e2m1fn, power_of_two_floor>>("mxfp4 floor"),
      nearest<microscaled<e2m1fn, power_of_two_ceil>>("mxfp4 ceil"),
      nearest<quantizer<e2m1fn, group<16>, largest_magnitude, nearest_even, nvfp4_scales>>("nvfp4"),
      nearest<grouped<nf4, 64>>("nf4 g64"),
      nearest<quantizer<nf4, group<64>, absmax, nearest_even, double_quantized_scales>>("nf4 g64 double"),
      nearest<grouped<fp4_bnb, 64>>("fp4 bnb g64"),
      nearest<quantizer<int4>>("int4 row"),
      nearest<grouped<int4, 32>>("int4 g32"),
      nearest<grouped<int4, 32, mse_grid>>("int4 g32 mse"),
      nearest<grouped<int4, 32, least_squares>>("int4 g32 least squares"),
      nearest<quantizer<int4, per_channel, percentile>>("int4 row percentile"),
      nearest<quantizer<int4, per_block<16, 16, last_group::shorter>>>("int4 16x16"),
      nearest<quantizer<uint4, group<64>, absmax, nearest_even, half_affine_scales>>("uint4 g64"),
      nearest<hqq<uint4, group<64>, half_affine_scales>>("uint4 g64 hqq"),
      nearest<grouped<int3, 32>>("int3 g32"),
      nearest<grouped<int3, 32, mse_grid>>("int3 g32 mse"),
      nearest<grouped<int2, 32>>("int2 g32"),
      nearest<grouped<int2, 32, mse_grid>>("int2 g32 mse"),
      {"aqlm 2x8", additive},
      gptq("int4 row gptq", zolt::gptq<int4>{}),
      gptq("int4 row gptq act-order", zolt::gptq<int4>{.activation_order = true}),
      gptq("int4 g32 gptq act-order", zolt::gptq<int4, group<32>>{.activation_order = true, .static_groups = true}),
      gptq("int3 row gptq", zolt::gptq<int3>{}),
      gptq("nf4 g64 gptq", zolt::gptq<nf4, group<64>>{}),
      awq("uint4 g32 awq", zolt::awq<uint4, group<32>>{}),
      awq("uint4 g32 awq clip", zolt::awq<uint4, group<32>>{.clip = true}),
      {"int8 row smoothquant", smoothed},
      {"int8 row qllm", reassembled},
      {"int4 g32 hadamard", rotated},
      {"uint4 g32 learnable clip", clipped},
      blocks<ggml_q4_0>(),
      blocks<ggml_q4_1>(),
      blocks<ggml_q5_0>(),
      blocks<ggml_q5_1>(),
      blocks<ggml_q8_0>(),
      blocks<ggml_mxfp4>(),
  };
  return all;
}

}  // namespace quantize_report
