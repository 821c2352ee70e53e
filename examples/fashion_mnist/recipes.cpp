#include "recipes.hpp"

#include <utility>

namespace fashion_mnist {
namespace {

constexpr std::string_view learned = "learned feedback", learned_4 = "learned feedback, 4-bit residual";

}  // namespace

const std::vector<recipe>& main_recipes() {
  using enum procedure;
  static const std::vector<recipe> all{
      {.format = "int8", .method = learned, .how = learned_feedback, .rate = 0.4, .forwards = 5000, .power = 2},
      {.format = "int8", .method = "zolt", .how = step_matched, .rate = 0.7, .radius = 4},
      {.format = "int8", .method = "backpropagation", .how = latent_backpropagation, .rate = 0.01, .forwards = 2000},
      {.format = "int4", .method = learned, .how = learned_feedback, .rate = 0.014, .forwards = 5000, .power = 2},
      {.format = "int4", .method = learned_4, .how = learned_feedback, .rate = 0.028, .forwards = 5000, .lands = landing::residual_4},
      {.format = "int4", .method = "zolt", .how = step_matched, .rate = 0.084, .density = {.ratio = 0.5}},
      {.format = "int4", .method = "zolt, 4-bit residual", .how = step_matched_residual, .rate = 0.084, .density = {.ratio = 2.5}},
      {.format = "int4", .method = "backpropagation", .how = latent_backpropagation, .rate = 0.007, .forwards = 2000},
      {.format = "fp8", .method = "zolt", .how = step_matched, .rate = 0.7, .radius = 3},
      {.format = "fp8", .method = "backpropagation", .how = latent_backpropagation, .rate = 0.01, .forwards = 2000},
      {.format = "float", .method = "MeZO", .how = dense_float, .rate = 0.021, .radius = 0.01},
  };
  return all;
}

const std::vector<recipe>& method_recipes() {
  using enum procedure;
  constexpr std::string_view residual = "per-example, 4-bit residual", stateless = "per-example";
  constexpr probe_density half{.ratio = 0.5}, four{.ratio = 4}, fixed{.ratio = 0, .minimum = 0.05};
  static const std::vector<recipe> all{
      {.format = "int4", .method = "zolt", .how = step_matched, .rate = 0.24, .density = {.ratio = 2}, .forwards = 500},
      {.format = "int4", .method = "zolt", .how = step_matched, .rate = 0.17, .forwards = 2000},
      {.format = "int4", .method = "zolt", .how = step_matched, .rate = 0.24, .forwards = 5000},
      {.format = "int4", .method = "zolt", .how = step_matched, .rate = 0.084, .density = half, .forwards = 10000},
      {.format = "int4", .method = "zolt", .how = step_matched, .rate = 0.084, .density = half},
      {.format = "int4", .method = residual, .how = per_example_residual, .rate = 0.28, .forwards = 500},
      {.format = "int4", .method = residual, .how = per_example_residual, .rate = 0.2, .density = four, .forwards = 2000},
      {.format = "int4", .method = residual, .how = per_example_residual, .rate = 0.07, .density = four, .forwards = 10000},
      {.format = "int4", .method = stateless, .how = per_example, .rate = 0.28, .forwards = 500},
      {.format = "int4", .method = stateless, .how = per_example, .rate = 0.2, .forwards = 2000},
      {.format = "int4", .method = stateless, .how = per_example, .rate = 0.07, .density = four, .forwards = 10000},
      {.format = "int4", .method = "QZO, scales only", .how = scales_only, .rate = 0.02, .radius = 0.02},
      {.format = "int4", .method = "from scratch", .how = step_matched, .rate = 0.084, .learns = task::from_scratch},
      {.format = "int4", .method = "fixed sparsity", .how = step_matched, .rate = 0.1, .density = fixed},
      {.format = "int4", .method = "QuZO, two roundings", .how = two_roundings, .rate = 0.08, .radius = 0.5, .forwards = 5000},
      {.format = "int4", .method = "backpropagation, latent", .how = latent_backpropagation, .rate = 0.007, .forwards = 2000},
      {.format = "int4", .method = "backpropagation, stochastic", .how = stochastic_backpropagation, .rate = 300, .forwards = 2000},
      {.format = "int4", .method = "backpropagation, nearest", .how = nearest_backpropagation, .rate = 100, .forwards = 2000},
  };
  return all;
}

const std::vector<recipe>& layer_recipes() {
  using enum procedure;
  constexpr landing residual_2 = landing::residual_2, residual_4 = landing::residual_4;
  constexpr std::string_view head = "exact head", head_4 = "exact head, 4-bit residual", nodes = "node perturbation",
                             orthogonal = "orthogonal nodes", orthogonal_4 = "orthogonal nodes, 4-bit residual",
                             learned_2 = "learned feedback, 2-bit residual", nearest = "learned feedback, nearest",
                             chained = "backpropagation", chained_4 = "backpropagation, 4-bit residual";
  constexpr std::uint64_t steps = 4625;  // those of learned feedback in 5000 passes
  static const std::vector<recipe> all{
      {.format = "int4", .method = head, .how = exact_head, .rate = 0.12, .forwards = 2000},
      {.format = "int4", .method = head_4, .how = exact_head, .rate = 0.05, .forwards = 5000, .lands = residual_4},
      {.format = "int4", .method = nodes, .how = node_perturbation, .rate = 0.028, .forwards = 500},
      {.format = "int4", .method = nodes, .how = node_perturbation, .rate = 0.028, .forwards = 2000},
      {.format = "int4", .method = nodes, .how = node_perturbation, .rate = 0.02, .forwards = 10000},
      {.format = "int4", .method = orthogonal, .how = orthogonal_nodes, .rate = 0.028, .forwards = 5000},
      {.format = "int4", .method = orthogonal_4, .how = orthogonal_nodes, .rate = 0.014, .forwards = 5000, .lands = residual_4},
      {.format = "int4", .method = "random feedback", .how = direct_feedback, .rate = 0.028, .forwards = 2000},
      {.format = "int4", .method = learned, .how = learned_feedback, .rate = 0.02, .forwards = 500, .power = 2},
      {.format = "int4", .method = learned, .how = learned_feedback, .rate = 0.02, .forwards = 2000, .power = 2},
      {.format = "int4", .method = learned, .how = learned_feedback, .rate = 0.014, .forwards = 5000, .power = 2},
      {.format = "int4", .method = learned_2, .how = learned_feedback, .rate = 0.028, .forwards = 2000, .lands = residual_2},
      {.format = "int4", .method = learned_4, .how = learned_feedback, .rate = 0.028, .forwards = 500, .lands = residual_4},
      {.format = "int4", .method = learned_4, .how = learned_feedback, .rate = 0.028, .forwards = 5000, .lands = residual_4},
      {.format = "int8", .method = learned, .how = learned_feedback, .rate = 0.4, .forwards = 5000, .power = 2},
      {.format = "int4", .method = "learned feedback, power 1", .how = learned_feedback, .rate = 0.02, .forwards = 5000},
      {.format = "int4", .method = "control variate, power 1", .how = unbiased_feedback, .rate = 0.014, .forwards = 5000},
      {.format = "int4", .method = nearest, .how = learned_feedback, .rate = 0.02, .forwards = 5000, .lands = landing::nearest},
      {.format = "int4", .method = chained, .how = chained_backpropagation, .rate = 0.014, .forwards = steps, .power = 2},
      {.format = "int4", .method = chained_4, .how = chained_backpropagation, .rate = 0.02, .forwards = steps, .lands = residual_4},
      {.format = "int8", .method = chained, .how = chained_backpropagation, .rate = 0.4, .forwards = steps, .power = 2},
  };
  return all;
}

// Everything but freezing is that of the main job.
const std::vector<recipe>& freezing_recipes() {
  static const std::vector<recipe> all = [] {
    std::vector<recipe> list;
    for (const recipe& plain : main_recipes()) {
      if (plain.how != procedure::step_matched || plain.format == "fp8") continue;
      list.push_back(plain);
      recipe r = plain;
      r.how = procedure::first_layer_freezes;
      r.frozen_from = 0.6;
      for (const auto& [name, bits] : {std::pair<std::string_view, int>{"freezing", 32}, {"freezing, 4-bit features", 4}}) {
        r.method = name;
        r.feature_bits = bits;
        list.push_back(r);
      }
    }
    return list;
  }();
  return all;
}

namespace {

/// What a grid varies; an empty axis keeps the chosen value.
struct axes {
  std::vector<double> rates{};
  std::vector<double> radii{};
  std::vector<probe_density> densities{};
  std::vector<double> powers{};
};

std::vector<double> per_example_rates(std::uint64_t forwards) {
  if (forwards <= 500) return {0.14, 0.2, 0.28, 0.4};
  if (forwards <= 2000) return {0.07, 0.1, 0.14, 0.2, 0.28};
  return {0.035, 0.05, 0.07, 0.1};
}

axes axes_of(const recipe& chosen) {
  const std::vector<probe_density> matched{{0.5}, {1}, {2}};
  if (chosen.learns == task::from_scratch) return {.rates = {0.03, 0.042, 0.06, 0.084, 0.12}, .densities = matched};
  if (reads_layers(chosen.how)) {
    const bool shaped = chosen.lands == landing::stochastic && (chosen.how == procedure::exact_head || chosen.power != 1);
    return {.rates = chosen.format == "int8"               ? std::vector<double>{0.1, 0.2, 0.3, 0.4}
                     : chosen.how == procedure::exact_head ? std::vector<double>{0.03, 0.05, 0.08, 0.12}
                                                           : std::vector<double>{0.01, 0.014, 0.02, 0.028},
            .powers = shaped ? std::vector<double>{1, 2} : std::vector<double>{}};
  }
  switch (chosen.how) {
    case procedure::latent_backpropagation: return {.rates = {0.007, 0.01, 0.014}};
    case procedure::stochastic_backpropagation:
    case procedure::nearest_backpropagation: return {.rates = {10, 30, 100, 300, 1000}};
    case procedure::dense_float: return {.rates = {0.0105, 0.015, 0.021}};
    case procedure::step_matched_residual: return {.rates = {0.042, 0.06, 0.084}, .densities = {{2.5}, {5}, {10}}};
    case procedure::per_example:
    case procedure::per_example_residual: return {.rates = per_example_rates(chosen.forwards), .densities = {{0, 0.05}, {1}, {4}}};
    case procedure::scales_only: return {.rates = {0.01, 0.015, 0.02, 0.03, 0.04}, .radii = {0.01, 0.02}};
    case procedure::two_roundings: return {.rates = {0.003, 0.01, 0.03, 0.08, 0.15}, .radii = {0.05, 0.5, 1}};
    default: break;
  }
  if (chosen.density.ratio == 0) return {.rates = {0.01, 0.03, 0.06, 0.1, 0.17, 0.3}};
  if (chosen.format == "int4" && chosen.forwards < 20000) return {.rates = {0.084, 0.12, 0.17, 0.24}, .densities = matched};
  if (chosen.format == "int4") return {.rates = {0.042, 0.06, 0.084}, .densities = matched};
  if (chosen.format == "int8") return {.rates = {0.49, 0.7, 0.98}, .radii = {2, 4, 8}};
  return {.rates = {0.35, 0.5, 0.7}, .radii = {2, 3, 6}};
}

/// Every recipe of `grid` with every value of an axis.
template <class Value, class Set>
void widen(std::vector<recipe>& grid, const std::vector<Value>& values, Set set) {
  if (values.empty()) return;
  std::vector<recipe> wider;
  for (const recipe& r : grid)
    for (const Value& value : values) set(wider.emplace_back(r), value);
  grid = std::move(wider);
}

}  // namespace

std::vector<recipe> grid_of(const recipe& chosen) {
  const axes tried = axes_of(chosen);
  std::vector<recipe> grid{chosen};
  widen(grid, tried.radii, [](recipe& r, double radius) { r.radius = radius; });
  widen(grid, tried.densities, [](recipe& r, probe_density density) { r.density = density; });
  widen(grid, tried.powers, [](recipe& r, double power) { r.power = power; });
  widen(grid, tried.rates, [](recipe& r, double rate) { r.rate = rate; });
  return grid;
}

}  // namespace fashion_mnist
