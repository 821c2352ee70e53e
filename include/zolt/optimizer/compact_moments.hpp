#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "zolt/kernel/moments.hpp"
#include "zolt/optimizer/application.hpp"
#include "zolt/random/stream.hpp"
#include "zolt/update/rule.hpp"

namespace zolt::inline v0::detail {

/// A tile of moments as floats, between the bytes that they are kept in: planes of codes, and of scales per tile.
template <elementwise_rule Rule>
class compact_moments {
 public:
  static void assign(parameter_state& state, std::size_t weights) {
    state.moment_codes.assign(Rule::moments * weights, 0);
    state.moment_scales.assign(Rule::moments * tiles_of(weights), 0.0f);
  }

  /// The moments of weights first … first + count − 1 of `weights`, all of one tile that begins with the first.
  moment_tile<Rule::moments> load(const parameter_state& state, std::size_t weights, std::size_t first, std::size_t count) {
    moment_tile<Rule::moments> tile;
    for_each_moment([&]<std::size_t M>(std::integral_constant<std::size_t, M>) {
      tile[M] = std::span(values_[M], count);
      kernel::load_moments<format<M>>(state.moment_codes.data() + M * weights + first, state.moment_scales[scale_at<M>(weights, first)],
                                      tile[M]);
    });
    return tile;
  }
  /// Keeps what was made of them. The words of moment M are those of query M.
  void store(parameter_state& state, std::size_t weights, std::size_t first, std::size_t count, const direction_key& key,
             std::uint64_t parameter) {
    for_each_moment([&]<std::size_t M>(std::integral_constant<std::size_t, M>) {
      const random_stream source({key.run, key.step, M}, parameter, stream::round_moment);
      state.moment_scales[scale_at<M>(weights, first)] = kernel::store_moments<format<M>>(
          std::span(values_[M], count), words_.draw(source, first, count), state.moment_codes.data() + M * weights + first);
    });
  }

 private:
  template <std::size_t M>
  using format = kernel::moment_format<Rule::non_negative[M]>;

  static constexpr std::size_t tiles_of(std::size_t weights) { return (weights + tile_size - 1) / tile_size; }
  template <std::size_t M>
  static constexpr std::size_t scale_at(std::size_t weights, std::size_t first) {
    return M * tiles_of(weights) + first / tile_size;
  }
  template <class Function>
  static void for_each_moment(Function&& f) {
    [&]<std::size_t... M>(std::index_sequence<M...>) { (f(std::integral_constant<std::size_t, M>{}), ...); }
    (std::make_index_sequence<Rule::moments>{});
  }

  alignas(64) float values_[Rule::moments][tile_size];
  kernel::random_tile<32> words_;
};

}  // namespace zolt::inline v0::detail
