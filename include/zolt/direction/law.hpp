#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include "zolt/parameter/parameter.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// A law resolved for one step: a pure function from (key, parameter, index) to a small integer z.
///
/// What the compiler cannot check:
///   • fill and record are pure: the same law, key, parameter and index give the same z for every range, order and thread;
///   • E z = 0, z is odd in nothing but its own sign bit, components are uncorrelated, E z² = 1/amplitude²;
///   • |z| < 2^bits; density is the expected fraction of non-zeros; law_of(record()) of its policy is the law itself.
template <class L>
concept resolved_law = std::copyable<L> &&
    requires(const L& law, const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) {
  { L::bits } -> std::convertible_to<int>;
  { law.density() } -> std::same_as<double>;
  { law.amplitude() } -> std::same_as<double>;
  { law.record() } -> std::same_as<std::uint32_t>;
  law.fill(key, info, first, z);
};

namespace detail {
struct any_nonzero_visitor {
  void operator()(std::uint64_t, int, std::uint64_t) const {}
};
}  // namespace detail

/// A law that can name its non-zeros in O(density · range): f(index, z, slot) with ascending index, exactly the non-zeros of fill.
/// `slot` numbers them for other random streams: it is unique, ascending, a function of the index, and dense enough to read in groups.
template <class L>
concept sparse_law = resolved_law<L> && requires(const L& law, const direction_key& key, const parameter_info& info, std::uint64_t index) {
  law.for_each_nonzero(key, info, index, index, detail::any_nonzero_visitor{});
};

/// A direction policy: resolves to a law for a step's relative rate (RMS step per weight, in radii) and number of queries, or from a record.
template <class D>
concept direction_law = std::copyable<D> && requires(const D& d, double relative_rate, std::uint32_t queries, std::uint32_t record) {
  { d.law_at(relative_rate, queries) } -> resolved_law;
  { d.law_of(record) } -> std::same_as<decltype(d.law_at(relative_rate, queries))>;
};

template <direction_law D>
using law_t = decltype(std::declval<const D&>().law_of(0u));

}  // namespace zolt::inline v0
