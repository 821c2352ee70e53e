#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "zolt/quantize/layout/packed_words.hpp"

/// Tensors of 32-bit words and of binary16 as bytes, for tests of layouts that are made of them.
namespace zolt::test {

inline std::vector<std::byte> bytes_of(const std::vector<std::uint32_t>& words) {
  std::vector<std::byte> bytes(4 * words.size());
  for (std::size_t k = 0; k < words.size(); ++k) little_endian::store_u32(bytes.data() + 4 * k, words[k]);
  return bytes;
}
inline std::vector<std::uint32_t> words_of(const std::vector<std::byte>& bytes) {
  std::vector<std::uint32_t> words(bytes.size() / 4);
  for (std::size_t k = 0; k < words.size(); ++k) words[k] = little_endian::load_u32(bytes.data() + 4 * k);
  return words;
}
inline std::vector<std::byte> halves_of(const std::vector<float>& values) { return detail::pack_halves(values); }
template <class View>
std::vector<float> decoded_floats(const View& view) {
  std::vector<float> out(view.shape().size());
  view.decode(0, out);
  return out;
}

}  // namespace zolt::test
