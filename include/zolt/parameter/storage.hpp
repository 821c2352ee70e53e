#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/narrow.hpp"

namespace zolt::inline v0 {

/// Floats in the owner's memory. A storage is a view: copying it copies no weight.
template <class S>
concept dense_storage = std::copyable<S> && requires(const S& s) {
  { s.values() } -> std::same_as<std::span<float>>;
  { s.shape() } -> std::same_as<zolt::shape>;
};

/// Ordered codes with a scale, in the owner's memory: weight i is format::value_of(ordinal) · scale(i).
///
/// Storage whose weights are another function of the value gives it as `grid(i)`, an object that is called with a value (zolt::affine,
/// zolt::shifted); scale(i) is then its slope, which may be negative.
///
/// Storage may do more at once: load_codes(first, span of codes), store_codes(first, span of codes), prefetch(i), which asks for the memory of
/// a weight that set_code will change, and packed_codes(first), a multiple of 32, where the codes from there on lie as packing<bits> says.
///
/// What the compiler cannot check: code and set_code touch weight i alone (bytes may be shared by weights of one aligned block of 64);
/// bytes() is all memory that set_code can change; decode gives exactly grid(i)(value_of(ordinal_of(code(i)))).
template <class S>
concept coded_storage = std::copyable<S> && number_format<typename S::format> &&
    requires(const S& s, std::size_t i, code c, std::span<float> out) {
  { s.shape() } -> std::same_as<zolt::shape>;
  { s.code(i) } -> std::same_as<code>;
  s.set_code(i, c);
  { s.scale(i) } -> std::same_as<float>;
  { s.bytes() } -> std::same_as<std::span<std::byte>>;
  s.decode(i, out);
};

/// Words of 16 bits that stand for floats, in the owner's memory: binary16, bfloat16, fixed point. In everything that units, radii, rates
/// and bounds mean such weights are dense storage; what is written to them is rounded to their format.
///
/// What the compiler cannot check: decode gives codec().value_of of every word; bytes() is the memory of words(). Storage that offers
/// prefetch(i) is told of a word that will be changed.
template <class S>
concept narrow_storage = std::copyable<S> && narrow_format<typename S::format> &&
    requires(const S& s, std::size_t i, std::span<float> out) {
  { s.words() } -> std::same_as<std::span<std::uint16_t>>;
  { s.codec() } -> std::same_as<typename S::format>;
  { s.shape() } -> std::same_as<zolt::shape>;
  { s.bytes() } -> std::same_as<std::span<std::byte>>;
  s.decode(i, out);
};

namespace detail {
/// The view of coded weights, which what owns them makes and what views them is.
template <class Weights>
auto view_of(const Weights& w) {
  if constexpr (requires { w.view(); })
    return w.view();
  else
    return w;
}
}  // namespace detail

/// The map from values to weights at weight i.
template <class Storage>
auto grid_at(const Storage& s, std::size_t i) {
  if constexpr (requires { s.grid(i); })
    return s.grid(i);
  else
    return scaled{s.scale(i)};
}

template <class S>
concept parameter_storage = dense_storage<S> || coded_storage<S> || narrow_storage<S>;

namespace detail {
template <coded_storage Storage>
void load_codes(const Storage& storage, std::size_t first, std::span<code> out) {
  if constexpr (requires { storage.load_codes(first, out); })
    storage.load_codes(first, out);
  else
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = storage.code(first + j);
}
template <coded_storage Storage>
void store_codes(const Storage& storage, std::size_t first, std::span<const code> in) {
  if constexpr (requires { storage.store_codes(first, in); })
    storage.store_codes(first, in);
  else
    for (std::size_t j = 0; j < in.size(); ++j) storage.set_code(first + j, in[j]);
}
}  // namespace detail

/// The dense storage of the library: float weights in the owner's memory.
class dense_view {
 public:
  dense_view() = default;
  explicit dense_view(tensor_view<float> values) : values_(values) {}
  std::span<float> values() const { return values_.flat(); }
  zolt::shape shape() const { return values_.shape(); }

 private:
  tensor_view<float> values_;
};

template <class T>
concept weights_with_view = requires(T& t) {
  { t.view() } -> parameter_storage;
};

/// The storage behind what a user holds: a storage itself, something with a view() that is one, or floats.
template <class Weights>
auto storage_of(Weights& weights) {
  if constexpr (parameter_storage<std::remove_const_t<Weights>>)  // a view: its constness says nothing about the weights
    return weights;
  else if constexpr (weights_with_view<Weights>)
    return weights.view();
  else if constexpr (std::convertible_to<Weights&, tensor_view<float>>)
    return dense_view(static_cast<tensor_view<float>>(weights));
  else if constexpr (std::convertible_to<Weights&, std::span<float>>)
    return dense_view(tensor_view<float>(std::span<float>(weights)));
  else
    static_assert(sizeof(Weights) == 0,
                  "zolt: a parameter's weights must be floats (a span<float>, a tensor) or model zolt::coded_storage");
}

template <class Weights>
using storage_t = decltype(storage_of(std::declval<Weights&>()));

/// Where the weights lie, which is how a forward that reads a tensor names it.
template <parameter_storage Storage>
std::span<std::byte> memory_of(const Storage& storage) {
  if constexpr (dense_storage<Storage>)
    return std::as_writable_bytes(storage.values());
  else
    return storage.bytes();
}

namespace detail {
/// out[j] = weight first + j.
template <parameter_storage Storage>
void read_weights(const Storage& storage, std::size_t first, std::span<float> out) {
  if constexpr (dense_storage<Storage>)
    std::copy_n(storage.values().data() + first, out.size(), out.data());
  else
    storage.decode(first, out);
}
}  // namespace detail

}  // namespace zolt::inline v0
