#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/update/replayed_residual.hpp"

namespace zolt::inline v0 {

/// Bounds on what a user may ask for; beyond them a slip of the keyboard is likelier than a need.
inline constexpr std::size_t most_threads = 1024;
inline constexpr double most_queries = 1 << 20;

namespace detail {

/// Memory of one parameter, to find a tensor by address and overlaps by neighbours.
struct memory_range {
  const std::byte* begin;
  const std::byte* end;
  std::size_t parameter;
};

template <parameter_set Parameters>
std::vector<memory_range> memory_ranges(const Parameters& parameters) {
  std::vector<memory_range> ranges;
  for_each_parameter(parameters, [&ranges](std::size_t i, const auto& p) {
    const auto bytes = memory_of(p.storage);
    ranges.push_back({bytes.data(), bytes.data() + bytes.size(), i});
  });
  std::sort(ranges.begin(), ranges.end(), [](const memory_range& a, const memory_range& b) { return a.begin < b.begin; });
  return ranges;
}

/// The range of sorted ones that an address lies in, or null.
inline const memory_range* range_at(std::span<const memory_range> ranges, const std::byte* address) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), address, [](const std::byte* a, const memory_range& r) { return a < r.begin; });
  return after == ranges.begin() || address >= (after - 1)->end ? nullptr : &*(after - 1);
}

template <parameter_set Parameters>
std::string name_of(const Parameters& parameters, std::size_t index) {
  std::string name;
  parameters.visit(index, [&name](const auto& p) { name = p.name; });
  return name;
}

/// Storage that derives its scales from something else than one float each.
template <class Storage>
constexpr bool scales_may_be_zero = requires(const Storage& s) {
  s.grid(std::size_t{0});
}
&&!requires(const Storage& s) { s.scales(); };

/// What makes a format of 16-bit words unfit for weights.
template <narrow_format Format>
void check_words_of(const std::string& name, const Format& format, std::vector<problem>& problems) {
  const std::size_t before = problems.size();
  check_fields(format, problems);
  for (std::size_t i = before; i < problems.size(); ++i)
    problems[i].field = problems[i].subject + " " + problems[i].field, problems[i].subject = name;
  if (problems.size() != before) return;
  for (const int end : {Format::lowest, Format::highest})
    if (const float weight = format.value_of(Format::word_of(end, false)); !exact::is_finite(weight))
      problems.push_back({name, text_of(format) + " at ordinal " + to_text(end), to_text(weight), "be finite"});
}

/// The first weight that is no finite number; a whole set of them is one problem.
template <parameter_storage Storage>
void check_values(const parameter<Storage>& p, std::vector<problem>& problems) {
  if constexpr (coded_storage<Storage>) {
    using format = typename Storage::format;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (!format::has_ordinal(p.storage.code(i))) {
        problems.push_back(
            {p.name, "code " + to_text(i), to_text(unsigned{p.storage.code(i)}), "be a finite number of " + std::string(format::name)});
        return;
      }
      // A foreign layout may count downward or have blocks of zeros whose scale is 0, and a scale that is trained may cross 0. A float
      // scale that is 0 was never set.
      const float scale = p.storage.scale(i);
      if (!exact::is_finite(scale) || (scale == 0 && !scales_may_be_zero<Storage>)) {
        problems.push_back(
            {p.name, "scale of weight " + to_text(i), to_text(scale), scales_may_be_zero<Storage> ? "be finite" : "be finite and not 0"});
        return;
      }
      for (const int end : {format::lowest, format::highest})
        if (const float weight = grid_at(p.storage, i)(format::value_of(end)); !exact::is_finite(weight)) {
          problems.push_back({p.name, "weight " + to_text(i) + " at ordinal " + to_text(end), to_text(weight), "be finite"});
          return;
        }
    }
  } else {
    if constexpr (narrow_storage<Storage>) {
      const std::size_t before = problems.size();
      check_words_of(p.name, p.storage.codec(), problems);
      if (problems.size() != before) return;
    }
    alignas(64) float w[tile_size];
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (i % tile_size == 0) read_weights(p.storage, i, std::span(w, std::min(tile_size, p.size() - i)));
      const float value = w[i % tile_size];
      if (!exact::is_finite(value)) {
        problems.push_back({p.name, "weight " + to_text(i), to_text(value), "be finite"});
        return;
      }
      if (value < p.lowest || value > p.highest) {
        problems.push_back(
            {p.name, "weight " + to_text(i), to_text(value), "be at least " + to_text(p.lowest) + " and at most " + to_text(p.highest)});
        return;
      }
    }
  }
}

/// What is wrong with an estimator that probes weights, whatever they are.
template <class Composition>
void check_probing(const Composition& c, const options& o, std::vector<problem>& problems) {
  constexpr bool estimator_checks_itself = policy_with_fields<decltype(c.estimator)>;
  const std::string estimator_name(policy_name<decltype(c.estimator)>());
  if (const auto queries = static_cast<double>(c.estimator.queries);
      queries > most_queries || (!estimator_checks_itself && !(queries >= 1)))
    problems.push_back({estimator_name, "queries", to_text(queries), "be at least 1 and at most " + to_text(most_queries)});
  if (!estimator_checks_itself && !holds(bound::positive, c.estimator.radius))
    problems.push_back({estimator_name, "radius", to_text(static_cast<double>(c.estimator.radius)), std::string(text_of(bound::positive))});
  if constexpr (sign_factored_law<typename Composition::law>) {
    std::vector<probe> plan;
    if (problems.empty()) c.estimator.plan({o.run, 0, 0}, {}, {}, plan);
    if (std::any_of(plan.begin(), plan.end(), [](const probe& p) { return p.offset == 0; }))
      problems.push_back({std::string(policy_name<decltype(c.direction)>()), "estimator", estimator_name,
                          "evaluate both sides of every example: one unperturbed loss is that of one example"});
  }
  const auto check_window = [&]<class Policy>(const Policy& policy) {
    if constexpr (replaying_rule<Policy> || replaying_write_back<Policy>)
      if (const double terms = static_cast<double>(policy.window) * c.estimator.queries; terms > most_queries)
        problems.push_back(
            {std::string(policy_name<Policy>()), "window times queries", to_text(terms), "be at most " + to_text(most_queries)});
  };
  check_window(c.rule);
  check_window(c.write_back);
}

/// What is wrong with probing one parameter.
template <parameter_storage Storage, class Composition>
void check_probes_of(const parameter<Storage>& p, const Composition& c, std::vector<problem>& problems) {
  if constexpr (coded_storage<Storage>) {
    if (!Composition::law::whole_units)
      problems.push_back({p.name, "direction law", std::string(policy_name<decltype(c.direction)>()),
                          "move whole codes on coded storage: ±1, sparse, low-rank or rounded"});
    if (std::floor(c.estimator.radius) != c.estimator.radius)
      problems.push_back(
          {p.name, "radius", to_text(static_cast<double>(c.estimator.radius)), "be a whole number of codes on coded storage"});
    if (const int span = Storage::format::highest - Storage::format::lowest; c.estimator.radius > span)
      problems.push_back({p.name, "radius", to_text(static_cast<double>(c.estimator.radius)),
                          "be at most " + to_text(span) + ", the range of " + std::string(Storage::format::name)});
  }
  if constexpr (requires { c.estimator.smallest_offset(); }) {
    if constexpr (coded_storage<Storage>) {
      const double offset = c.estimator.smallest_offset(), codes = c.estimator.radius * offset;
      int exponent;
      const bool whole = codes >= 1 && std::floor(codes) == codes && std::frexp(offset, &exponent) == 0.5;
      if (exact::is_finite(offset) && !whole)
        problems.push_back({p.name, "smallest displacement", to_text(codes), "be a whole number of codes: the radius by a power of two"});
    }
  }
  if constexpr (!coded_storage<Storage>)
    if (const double part = p.unit_or_one() * c.estimator.radius; p.relative && !(part < 1))
      problems.push_back({p.name, "radius times the relative unit", to_text(part), "be below 1: a weight keeps its sign"});
}

}  // namespace detail

/// Everything that is wrong with a set of parameters under a composition, without touching a weight.
///
/// Cost     one read of all weights.
template <parameter_set Parameters, class Composition>
std::vector<problem> find_problems(const Parameters& parameters, const Composition& c, const options& o) {
  std::vector<problem> problems;
  c.for_each([&](const auto& policy) {
    check_fields(policy, problems);
    check_against(policy, parameters, problems);
  });
  if (o.threads < 1 || o.threads > most_threads)
    problems.push_back({"options", "threads", to_text(o.threads), "be at least 1 and at most " + to_text(most_threads)});
  if constexpr (!composition_of_layers<Composition>) detail::check_probing(c, o, problems);
  if (parameters.size() == 0) problems.push_back({"parameters", "count", "0", "be at least 1"});

  bool any_coded = false;
  for_each_parameter(parameters, [&any_coded]<class S>(std::size_t, const parameter<S>&) { any_coded |= coded_storage<S>; });
  std::vector<std::pair<std::uint64_t, std::string>> identities;
  for_each_parameter(parameters, [&]<class S>(std::size_t, const parameter<S>& p) {
    identities.emplace_back(p.id, p.name);
    if (p.size() == 0) problems.push_back({p.name, "shape", p.storage.shape().text(), "have at least one element"});
    if constexpr (coded_storage<S>) {
      if (p.relative)
        problems.push_back({p.name, "unit", "relative", "be one code on coded storage: relative units are for dense parameters"});
      if (constexpr float infinity = std::numeric_limits<float>::infinity(); !(p.lowest == -infinity && p.highest == infinity))
        problems.push_back({p.name, "lowest and highest", to_text(p.lowest) + " and " + to_text(p.highest),
                            "not be given on coded storage, whose range is that of " + std::string(S::format::name)});
    } else if (any_coded && p.unit == 0) {
      problems.push_back({p.name, "unit", "not given",
                          "be given for a dense parameter beside coded ones; zolt::unit_of(w) is the code step of a neighbour"});
    } else if (!(p.unit == 0 || holds(bound::positive, p.unit))) {
      problems.push_back({p.name, "unit", to_text(p.unit), std::string(text_of(bound::positive))});
    }
    if constexpr (!composition_of_layers<Composition>) detail::check_probes_of(p, c, problems);
    if constexpr (!coded_storage<S>)
      if (!(p.lowest <= p.highest))
        problems.push_back({p.name, "lowest", to_text(p.lowest), "be at most " + to_text(p.highest) + ", the highest"});
    detail::check_values(p, problems);
  });

  std::sort(identities.begin(), identities.end());
  for (std::size_t i = 1; i < identities.size(); ++i)
    if (identities[i].first == identities[i - 1].first)
      problems.push_back({identities[i].second, "id", to_text(identities[i].first),
                          "differ from that of " + identities[i - 1].second + ": give another name, or an id"});
  const auto ranges = detail::memory_ranges(parameters);
  for (std::size_t i = 1, farthest = 0; i < ranges.size(); ++i) {  // farthest: the range before i that ends last
    if (ranges[i].begin < ranges[farthest].end)
      problems.push_back({detail::name_of(parameters, ranges[i].parameter), "memory", "shared",
                          "not overlap that of " + detail::name_of(parameters, ranges[farthest].parameter)});
    if (ranges[i].end > ranges[farthest].end) farthest = i;
  }
  return problems;
}

}  // namespace zolt::inline v0
