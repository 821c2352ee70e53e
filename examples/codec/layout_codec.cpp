#include "layout_codec.hpp"

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <stdexcept>

#include "zolt/quantize/layout/bitsandbytes.hpp"
#include "zolt/quantize/layout/ggml.hpp"
#include "zolt/quantize/layout/microscaling.hpp"
#include "zolt/quantize/layout/nvfp4.hpp"

namespace codec {
namespace {

struct layout {
  std::string name;
  std::function<std::vector<std::byte>(std::span<const float>)> quantize;
  std::function<std::vector<float>(std::span<const std::byte>)> dequantize;
};

template <class Block>
layout of_blocks() {
  const std::string name(Block::name);
  layout result{name, {}, [name](std::span<const std::byte> bytes) {
                  constexpr std::size_t prefix = zolt::detail::prefix_of<Block>();
                  if (bytes.size() <= prefix || (bytes.size() - prefix) % Block::bytes != 0)
                    zolt::fail(name, "bytes", bytes.size(),
                               fmt::format("be {} and a multiple of {} bytes, one block or more", prefix, Block::bytes));
                  std::vector<float> weights((bytes.size() - prefix) / Block::bytes * Block::weights);
                  zolt::dequantize_blocks<Block>(name, bytes, weights);
                  return weights;
                }};
  if constexpr (zolt::quantizable_block_layout<Block>)
    result.quantize = [name](std::span<const float> weights) {
      return zolt::quantize_blocks<Block>(name, zolt::tensor_view<const float>(weights));
    };
  return result;
}

/// The codes of all weights, then the absmax of each block of 64 as float32.
template <class Format>
layout of_bitsandbytes(std::string name) {
  constexpr std::size_t weights = 64, code_bytes = 32, bytes = code_bytes + sizeof(float);
  return {name,
          [name](std::span<const float> w) {
            if (w.empty() || w.size() % weights != 0) zolt::fail(name, "weights", w.size(), "be a multiple of 64");
            std::vector<std::byte> out(w.size() / weights * bytes);
            std::vector<float> absmax(w.size() / weights);
            zolt::quantize_bitsandbytes<Format, weights>(name, w, out, absmax);
            std::memcpy(out.data() + w.size() / 2, absmax.data(), absmax.size() * sizeof(float));
            return out;
          },
          [name](std::span<const std::byte> in) {
            if (in.empty() || in.size() % bytes != 0)
              zolt::fail(name, "bytes", in.size(), "be a multiple of 36: 64 codes and their absmax");
            const std::size_t blocks = in.size() / bytes;
            std::vector<float> w(blocks * weights), absmax(blocks);
            std::memcpy(absmax.data(), in.data() + blocks * code_bytes, blocks * sizeof(float));
            zolt::dequantize_bitsandbytes<Format, weights>(name, in.first(blocks * code_bytes), zolt::scale_view(absmax), w);
            return w;
          }};
}

const std::vector<layout>& layouts() {
  static const std::vector<layout> all = {
      of_blocks<zolt::ggml_q4_0>(),  of_blocks<zolt::ggml_q4_1>(),      of_blocks<zolt::ggml_q5_0>(),
      of_blocks<zolt::ggml_q5_1>(),  of_blocks<zolt::ggml_q8_0>(),      of_blocks<zolt::ggml_mxfp4>(),
      of_blocks<zolt::ggml_q4_k>(),  of_blocks<zolt::ggml_q6_k>(),      of_blocks<zolt::ggml_iq4_nl>(),
      of_blocks<zolt::mxfp4>(),      of_blocks<zolt::mxfp6_e2m3>(),     of_blocks<zolt::mxfp6_e3m2>(),
      of_blocks<zolt::mxfp8_e5m2>(), of_blocks<zolt::mxfp8_e4m3fn>(),   of_blocks<zolt::mxint8_block>(),
      of_blocks<zolt::nvfp4>(),      of_bitsandbytes<zolt::nf4>("nf4"), of_bitsandbytes<zolt::fp4_bnb>("fp4_bnb")};
  return all;
}

const layout& layout_of(const std::string& name) {
  for (const layout& l : layouts())
    if (l.name == name) return l;
  throw std::runtime_error(fmt::format("layout = {} must be one of {}", name, fmt::join(layout_names(), ", ")));
}

}  // namespace

std::vector<std::string> layout_names() {
  std::vector<std::string> names;
  for (const layout& l : layouts()) names.push_back(l.name);
  return names;
}

std::vector<std::byte> quantize(const std::string& layout, std::span<const float> weights) {
  const auto& l = layout_of(layout);
  if (!l.quantize) throw std::runtime_error(fmt::format("layout = {} must be one that can be written: this one is read only", layout));
  return l.quantize(weights);
}

std::vector<float> dequantize(const std::string& layout, std::span<const std::byte> bytes) { return layout_of(layout).dequantize(bytes); }

}  // namespace codec
