#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/core/executor.hpp"
#include "zolt/kernel/gradient.hpp"
#include "zolt/kernel/outer.hpp"
#include "zolt/optimizer/application.hpp"
#include "zolt/optimizer/code_change.hpp"
#include "zolt/optimizer/layer_signals.hpp"
#include "zolt/optimizer/narrow_words.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/update/gradient_normaliser.hpp"

namespace zolt::inline v0::detail {

/// Whether neighbouring codes of a format are one apart everywhere.
template <number_format Format>
inline constexpr bool evenly_spaced = [] {
  for (int o = Format::lowest; o < Format::highest; ++o)
    if (Format::value_of(o + 1) - Format::value_of(o) != 1) return false;
  return true;
}();

/// out[j] = dw/du of weight first + j for its unit u: how far one code goes there, or the unit of a float.
template <parameter_storage Storage>
void units_of(const parameter<Storage>& p, std::size_t first, std::span<float> out) {
  if constexpr (coded_storage<Storage>) {
    using format = typename Storage::format;
    const Storage storage = p.storage;
    for (std::size_t j = 0; j < out.size();) {
      const std::size_t i = first + j;
      std::size_t end = i + 1;
      if constexpr (requires { storage.scale_end(i); }) end = storage.scale_end(i);
      const std::size_t until = std::min(out.size(), end - first);
      const float scale = storage.scale(i);
      for (; j < until; ++j) {
        if constexpr (evenly_spaced<format>) {
          out[j] = scale;
        } else {
          const int ordinal = format::ordinal_of(storage.code(first + j)), above = std::min(ordinal + 1, format::highest),
                    below = std::max(ordinal - 1, format::lowest);
          out[j] = scale * (kernel::value_at<format>(above) - kernel::value_at<format>(below)) / static_cast<float>(above - below);
        }
      }
    }
  } else {
    const auto unit = static_cast<float>(p.unit_or_one());
    if (!p.relative) return std::fill(out.begin(), out.end(), unit);
    read_weights(p.storage, first, out);
    for (float& u : out) u *= unit;
  }
}

/// Running second moments of one parameter's gradient.
struct gradient_moments {
  std::vector<float> rows, columns;
  double writes = 0;
};

/// The outer estimate, panel by panel → normaliser → update rule → write-back, with the memory that they keep. No panel is larger than
/// 64 KiB per thread, whatever the parameter.
template <parameter_set Parameters, class Composition>
class outer_applier {
  using rule_type = decltype(Composition::rule);
  using write_back_type = typename Composition::write_back_type;
  using normaliser_type = decltype(Composition::normalise);
  static constexpr std::size_t moments = moments_of<rule_type>();
  static constexpr int residual_bits = write_back_type::residual_bits;
  static constexpr rms_pooling pooling = normaliser_type::pooling;
  static constexpr std::size_t stripe_rows = 64;  ///< a lane owns whole stripes: no byte of packed codes has two owners
  static constexpr std::size_t panel_floats = std::size_t{1} << 14, panel_columns = 2048, least_rows = panel_floats / panel_columns;

 public:
  outer_applier(const Parameters& parameters, const Composition& policies, std::size_t lanes)
      : parameters_(parameters), policies_(policies), lanes_(lanes) {
    states_.resize(parameters_.size());
    moments_.resize(parameters_.size());
    sums_.resize(parameters_.size());
    for_each_parameter(parameters_, [this]<class S>(std::size_t i, const parameter<S>& p) {
      require_landing<write_back_type, S>();
      states_[i].moments.assign(moments * p.size(), 0.0f);
      if constexpr (coded_storage<S> && residual_bits > 0)
        states_[i].residuals.assign(residual_field<residual_bits>::bytes_for(p.size()), 0);
    });
    for (lane_state& lane : lanes_) {
      lane.gradient.resize(panel_floats);
      lane.delta.resize(panel_floats);
      lane.unit.resize(panel_floats);
    }
  }

  /// What a pass over the weights met.
  struct events {
    write_events writes;
    std::uint64_t clipped = 0;  ///< elements of the gradient beyond the normaliser's limit
    std::uint64_t lost = 0;     ///< elements that were not finite, and taken as 0
  };

  /// Throws where a factor does not fit its parameter.
  void require_shapes(std::span<const outer_factor> factors) const {
    for_each_parameter(parameters_, [&](std::size_t i, const auto& p) { require_shape(p, factors_of(factors, i)); });
  }

  /// One update of all weights from the factors of `examples` examples, whose shapes must fit. `changes`, if given, receives every code that moved.
  template <executor Executor>
  events apply(Executor& team, std::span<const outer_factor> factors, std::size_t examples, double rate, const direction_key& key,
               std::uint64_t step, code_changes* changes) {
    share_ = static_cast<float>(1 / static_cast<double>(examples));
    for (lane_state& lane : lanes_) lane.met = {}, lane.changed.clear();
    for_each_parameter(parameters_, [&](std::size_t i, const auto& p) {
      const std::span<const outer_factor> own = factors_of(factors, i);
      const matrix m{own[0].outputs(), own[0].inputs()};
      if constexpr (pooling != rms_pooling::none) {
        if (moments_[i].writes == 0) {  // divided by its own moments, since there are none before it
          pass<false>(team, i, p, m, own, rate, key, step, false);
          remember(i, m);
          pass<true>(team, i, p, m, own, rate, key, step, changes != nullptr);
        } else {
          pass<true>(team, i, p, m, own, rate, key, step, changes != nullptr);
          remember(i, m);
        }
      } else {
        pass<true>(team, i, p, m, own, rate, key, step, changes != nullptr);
      }
    });
    events all;
    for (lane_state& lane : lanes_) {
      all.writes = all.writes + lane.met.writes;
      all.clipped += lane.met.clipped, all.lost += lane.met.lost;
      if (changes != nullptr) changes->insert(changes->end(), lane.changed.begin(), lane.changed.end());
    }
    if (changes != nullptr) std::sort(changes->begin(), changes->end());
    return all;
  }

  std::size_t state_bytes() const {
    std::size_t bytes = 0;
    for (const parameter_state& s : states_) bytes += s.moments.size() * sizeof(float) + s.residuals.size();
    for (const gradient_moments& m : moments_) bytes += (m.rows.size() + m.columns.size()) * sizeof(float);
    return bytes;
  }
  /// Bytes of tiles and sums that a write needs, nothing of which is remembered.
  std::size_t working_bytes() const {
    std::size_t bytes = (lanes_.size() * 3 * panel_floats + column_roots_.capacity()) * sizeof(float);
    for (const square_sums& s : sums_) bytes += s.rows.capacity() * sizeof(double) + s.columns.capacity() * sizeof(float);
    return bytes;
  }
  /// f(memory) for everything that is remembered from write to write.
  template <class Self, class Function>
  static void for_each_memory(Self& self, Function&& f) {
    for (auto& s : self.states_) f(s.moments), f(s.residuals);
    for (auto& m : self.moments_) f(m.rows), f(m.columns), f(m.writes);
  }

 private:
  struct matrix {
    std::size_t rows, columns;
    std::size_t size() const { return rows * columns; }
    std::size_t stripes() const { return (rows + stripe_rows - 1) / stripe_rows; }
    bool factored() const { return pooling == rms_pooling::rows_and_columns && rows > 1 && columns > 1; }
  };
  struct lane_state {
    std::vector<float> gradient, delta, unit;
    events met;
    code_changes changed;
  };
  /// Σ ĝ² of a write: by row, and by column for every stripe of rows, so that no order of threads shows.
  struct square_sums {
    std::vector<double> rows;
    std::vector<float> columns;
  };

  static std::span<const outer_factor> factors_of(std::span<const outer_factor> factors, std::size_t parameter) {
    const auto by_parameter = [](const outer_factor& f, std::size_t p) { return f.parameter < p; };
    const auto first = std::lower_bound(factors.begin(), factors.end(), parameter, by_parameter);
    auto last = first;
    while (last != factors.end() && last->parameter == parameter) ++last;
    return {first, last};
  }

  /// Every factor belongs to a matrix that the parameter can be, and the moments to that one.
  template <class S>
  void require_shape(const parameter<S>& p, std::span<const outer_factor> factors) const {
    const matrix m{factors[0].outputs(), factors[0].inputs()};
    const shape stored = p.storage.shape();
    for (const outer_factor& f : factors) {
      const shape seen{f.outputs(), f.inputs()};
      const bool fits = stored.rows > 1 && seen.columns > 1 ? seen == stored : seen.size() == stored.size();
      if (seen != shape{m.rows, m.columns})
        fail(p.name, "shape seen by its layer", seen.text(), "be that of its other uses, " + shape{m.rows, m.columns}.text());
      if (!fits) fail(p.name, "shape seen by its layer", seen.text(), "be " + stored.text() + ", that of the parameter");
    }
    const gradient_moments& v = moments_[factors[0].parameter];
    if (v.writes != 0 && (v.rows.size() != (m.factored() ? m.rows : 1) || v.columns.size() != (m.factored() ? m.columns : 0)))
      fail(p.name, "moments kept", v.rows.size() + v.columns.size(), "be one per row and column of its layer, " + stored.text());
  }

  template <bool Writes, executor Executor, class S>
  void pass(Executor& team, std::size_t index, const parameter<S>& p, const matrix& m, std::span<const outer_factor> factors, double rate,
            const direction_key& key, std::uint64_t step, bool record) {
    if constexpr (pooling != rms_pooling::none) {
      sums_[index].rows.assign(m.rows, 0.0);
      sums_[index].columns.assign(m.factored() ? m.stripes() * m.columns : 0, 0.0f);
      if constexpr (Writes) prepare_divisors(moments_[index], m);
    }
    team.run([&](std::size_t lane) {
      for (std::size_t stripe = lane; stripe < m.stripes(); stripe += team.size()) {
        const std::size_t end = std::min(m.rows, (stripe + 1) * stripe_rows);
        const std::size_t rows_at_once = m.columns > panel_columns ? least_rows : std::min(stripe_rows, panel_floats / m.columns);
        for (std::size_t row = stripe * stripe_rows; row < end; row += rows_at_once)
          for (std::size_t column = 0; column < m.columns; column += panel_columns) {
            const panel at{row, std::min(rows_at_once, end - row), column, std::min(panel_columns, m.columns - column)};
            form(lanes_[lane], p, m, factors, at, Writes);
            if constexpr (pooling != rms_pooling::none) add_squares(index, m, at, lanes_[lane], stripe);
            if constexpr (Writes) write(lanes_[lane], index, p, m, at, rate, key, step, record);
          }
      }
    });
  }

  struct panel {
    std::size_t row, rows, column, columns;
    std::size_t size() const { return rows * columns; }
    /// f(offset in the panel, first weight, count) for runs of neighbouring weights.
    template <class Function>
    void for_each_run(const matrix& m, Function&& f) const {
      if (columns == m.columns) return f(std::size_t{0}, row * m.columns, size());
      for (std::size_t r = 0; r < rows; ++r) f(r * columns, (row + r) * m.columns + column, columns);
    }
  };

  /// The gradient of a panel, per unit of its weights.
  template <class S>
  void form(lane_state& lane, const parameter<S>& p, const matrix& m, std::span<const outer_factor> factors, const panel& at, bool counts) {
    float* const gradient = lane.gradient.data();
    bool first = true;
    for (const outer_factor& f : factors) {
      static constexpr float one = 1;
      float* const to = first ? gradient : lane.delta.data();
      if (f.input.data() == nullptr)  // a bias: sums of signals, which lie side by side
        kernel::sum_outer_products({&one, 0, 0}, f.signal.data() + at.row, f.signal.columns(), f.signal.rows(), 1, at.rows, to, at.rows);
      else
        kernel::sum_outer_products({f.signal.data() + at.row, f.signal.columns(), 1}, f.input.data() + at.column, f.input.columns(),
                                   f.signal.rows(), at.rows, at.columns, to, at.columns);
      if (!first)
        for (std::size_t j = 0; j < at.size(); ++j) gradient[j] += to[j];
      first = false;
    }
    at.for_each_run(m, [&](std::size_t offset, std::size_t weight, std::size_t count) {
      units_of(p, weight, std::span(lane.unit).subspan(offset, count));
    });
    const std::uint64_t lost = kernel::scale_gradient(gradient, lane.unit.data(), share_, at.size());
    if (counts) lane.met.lost += lost;
  }

  void add_squares(std::size_t index, const matrix& m, const panel& at, const lane_state& lane, std::size_t stripe) {
    float* const of_columns = m.factored() ? &sums_[index].columns[stripe * m.columns + at.column] : nullptr;
    for (std::size_t r = 0; r < at.rows; ++r)
      sums_[index].rows[at.row + r] += double{kernel::add_squares(lane.gradient.data() + r * at.columns, of_columns, at.columns)};
  }

  /// Takes the sums of a write into the running moments.
  void remember(std::size_t index, const matrix& m) {
    gradient_moments& v = moments_[index];
    const square_sums& s = sums_[index];
    if (v.writes == 0 && std::all_of(s.rows.begin(), s.rows.end(), [](double row) { return row == 0; })) {  // nothing to divide by yet
      v.rows.assign(m.factored() ? m.rows : 1, 0.0f);
      v.columns.assign(m.factored() ? m.columns : 0, 0.0f);
      return;
    }
    const double rate = std::max(1 - double{policies_.normalise.decay}, 1 / ++v.writes);
    const auto follow = [rate](float& moment, double now) {
      if (exact::is_finite(now)) moment += static_cast<float>(rate * (now - double{moment}));
    };
    if (m.factored()) {
      v.rows.resize(m.rows);
      v.columns.resize(m.columns);
      for (std::size_t i = 0; i < m.rows; ++i) follow(v.rows[i], s.rows[i] / static_cast<double>(m.columns));
      for (std::size_t k = 0; k < m.columns; ++k) {
        double sum = 0;
        for (std::size_t stripe = 0; stripe < m.stripes(); ++stripe) sum += double{s.columns[stripe * m.columns + k]};
        follow(v.columns[k], sum / static_cast<double>(m.rows));
      }
    } else {
      v.rows.resize(1);
      double sum = 0;
      for (const double row : s.rows) sum += row;
      follow(v.rows[0], sum / static_cast<double>(m.size()));
    }
  }

  /// What every panel of a parameter divides by: √(w_k / v̄) for its columns and √(floor · v̄).
  void prepare_divisors(const gradient_moments& v, const matrix& m) {
    double mean = 0;
    for (const float row : v.rows) mean += double{row};
    mean /= static_cast<double>(v.rows.size());
    floor_ = static_cast<float>(std::sqrt(policies_.normalise.floor * mean));
    column_roots_.assign(m.columns, 1.0f);
    if (m.factored() && mean > 0)
      for (std::size_t k = 0; k < m.columns; ++k) column_roots_[k] = static_cast<float>(std::sqrt(double{v.columns[k]} / mean));
  }

  /// gradient ← clip(gradient / (row · column + floor), limit), shaped.
  void normalise(lane_state& lane, const gradient_moments& v, const matrix& m, const panel& at) {
    const auto limit = static_cast<float>(policies_.normalise.limit);
    for (std::size_t r = 0; r < at.rows; ++r) {
      const float of_row = std::sqrt(v.rows[m.factored() ? at.row + r : 0]);
      lane.met.clipped += kernel::divide_and_clip(lane.gradient.data() + r * at.columns, column_roots_.data() + at.column, of_row, floor_,
                                                  limit, at.columns);
    }
    if (policies_.normalise.power != 1)
      for (std::size_t j = 0; j < at.size(); ++j) {
        const float a = lane.gradient[j];
        lane.gradient[j] = std::copysign(std::pow(std::fabs(a), static_cast<float>(policies_.normalise.power)), a);
      }
  }

  template <class S>
  void write(lane_state& lane, std::size_t index, const parameter<S>& p, const matrix& m, const panel& at, double rate,
             const direction_key& key, std::uint64_t step, bool record) {
    if constexpr (pooling != rms_pooling::none) normalise(lane, moments_[index], m, at);
    if constexpr (linear_rule<rule_type>) {
      const auto length = static_cast<float>(policies_.rule.step_for(rate, 1.0));
      for (std::size_t j = 0; j < at.size(); ++j) lane.delta[j] = length * lane.gradient[j];
    }
    at.for_each_run(m, [&](std::size_t offset, std::size_t weight, std::size_t count) {
      const std::span<float> delta = std::span(lane.delta).subspan(offset, count);
      if constexpr (!linear_rule<rule_type>) {
        moment_tile<moments> state;
        for (std::size_t k = 0; k < moments; ++k) state[k] = std::span(states_[index].moments).subspan(k * p.size() + weight, count);
        policies_.rule.apply(policies_.rule.at(rate, step), std::span<const float>(lane.gradient).subspan(offset, count), state, delta);
      }
      const auto unit = static_cast<float>(p.unit_or_one());
      if (record)
        write_tile<write_back_type>(p, key, states_[index], weight, std::span<const float>(delta), unit, lane.met.writes,
                                    [&](std::size_t i, int move) {
                                      lane.changed.push_back({index, i, move});
                                    });
      else
        write_tile<write_back_type>(p, key, states_[index], weight, std::span<const float>(delta), unit, lane.met.writes);
    });
  }

  const Parameters& parameters_;
  const Composition& policies_;
  std::vector<lane_state> lanes_;
  std::vector<parameter_state> states_;
  std::vector<gradient_moments> moments_;
  std::vector<square_sums> sums_;
  std::vector<float> column_roots_;
  float floor_ = 0, share_ = 1;
};

}  // namespace zolt::inline v0::detail
