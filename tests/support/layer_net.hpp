#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "support/weights.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/estimator/criterion.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/parameter/parameter_set.hpp"

/// A small network with a task, for tests of estimators that read layers.
namespace zolt::test {

/// Any forward pass as one type, so that an optimizer's steps are compiled once.
struct any_forward {
  void* object;
  tensor_view<const float> (*run)(void* object, const probe_view& probes);
  tensor_view<const float> operator()(const probe_view& probes) const { return run(object, probes); }
};
template <class Net>
any_forward forward_of(Net& net) {
  return {&net, [](void* object, const probe_view& probes) -> tensor_view<const float> { return (*static_cast<Net*>(object))(probes); }};
}

struct layer_sizes {
  std::size_t inputs = 9, wide = 20, narrow = 11, classes = 3, batch = 24;
};

/// A number that a forward writes into a row of the first layer's outputs or of the network's.
struct spoiled_number {
  enum place { first_layer, outputs } where;
  std::size_t row;
  float value;
  int forward = -1;  ///< the call of the forward that it happens in, counted from 0; −1 for all of them
};

/// inputs → wide → narrow → classes with biases and ReLU. Labels are those of a linear teacher. It allocates when a batch is larger than any
/// before, and not otherwise.
template <class Weights = tensor<float>>
class layer_net {
 public:
  /// `make(name, floats)` turns floats into weights.
  template <class Make>
  layer_net(Make&& make, layer_sizes s = {}, std::uint64_t seed = 1)
      : sizes(s),
        x({s.batch, s.inputs}),
        first(make("first", floats({s.wide, s.inputs}, seed))),
        second(make("second", floats({s.narrow, s.wide}, seed + 1))),
        head(make("head", floats({s.classes, s.narrow}, seed + 2))),
        bias({1, s.wide}),
        head_bias({1, s.classes}) {
    draws random(seed + 3);
    for (float& value : x.flat()) value = random.normal();
    for (float& value : bias.flat()) value = 0.1f * random.normal();
    tensor<float> teacher({s.classes, s.inputs}), scores({s.batch, s.classes});
    for (float& value : teacher.flat()) value = random.normal();
    linear(teacher, x.view(), scores.view());
    for (std::size_t b = 0; b < s.batch; ++b) {
      const auto row = scores.view().row(b);
      labels.push_back(static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin()));
    }
    rows = s.batch;
  }
  explicit layer_net(layer_sizes s = {}, std::uint64_t seed = 1)
      : layer_net([](std::string_view, tensor<float>&& w) { return std::move(w); }, s, seed) {}

  layer_sizes sizes;
  tensor<float> x;
  std::vector<int> labels;
  Weights first, second, head;
  tensor<float> bias, head_bias;
  std::size_t rows = 0;       ///< of the batch: the first ones of the task
  std::size_t first_row = 0;  ///< where the batch begins
  bool many_copies = true;    ///< whether the forward is written for several probes at once
  int forwards = 0;           ///< calls so far
  int throwing_forward = -1;  ///< the call that throws, behind the second layer
  std::vector<spoiled_number> spoiled;
  static constexpr double unit = 0.02;

  template <class Parameters>
  Parameters list() {
    Parameters p;
    p.add("first", first, {.unit = unit}), p.add("bias", bias, {.unit = unit}), p.add("second", second, {.unit = unit});
    p.add("head", head, {.unit = unit}), p.add("head bias", head_bias, {.unit = unit});
    return p;
  }
  auto parameters() {
    if constexpr (std::same_as<Weights, tensor<float>>)
      return list<parameter_list<dense_view>>();
    else
      return list<parameter_list<storage_t<Weights>, dense_view>>();
  }

  softmax_cross_entropy<int> criterion() const { return {std::span(labels).subspan(first_row, rows)}; }

  tensor_view<const float> operator()(const probe_view& probes) {
    const std::size_t all = rows * (many_copies ? probes.count() : 1);
    const tensor_view<float> h = sized(first_, all, sizes.wide), g = sized(second_, all, sizes.narrow),
                             o = sized(outputs_, all, sizes.classes);
    linear(probes, first, std::as_const(x).view().rows_from(first_row, rows), h);
    spoil(spoiled_number::first_layer, h);
    add_bias(probes, bias.view(), h);
    rectify(h);
    linear(probes, second, h, g);
    rectify(g);
    if (forwards == throwing_forward) {
      ++forwards;
      throw std::runtime_error("the forward broke");
    }
    linear(probes, head, g, o);
    add_bias(probes, head_bias.view(), o);
    spoil(spoiled_number::outputs, o);
    ++forwards;
    return o;
  }

  double loss() {
    const auto outputs = (*this)(probe_view{});
    double sum = 0;
    for (std::size_t b = 0; b < rows; ++b) sum += criterion().loss(b, outputs.row(b));
    return sum / static_cast<double>(rows);
  }
  /// All weights as they are read.
  std::vector<float> weights() const {
    std::vector<float> all;
    const auto add = [&all](const auto& w) {
      std::vector<float> floats(w.shape().size());
      probe_view{}.read(w, 0, floats);
      all.insert(all.end(), floats.begin(), floats.end());
    };
    add(first), add(bias), add(second), add(head), add(head_bias);
    return all;
  }

  static tensor<float> floats(shape s, std::uint64_t seed) {
    tensor<float> t(s);
    draws random(seed);
    for (float& w : t.flat()) w = random.normal() / std::sqrt(static_cast<float>(s.columns));
    return t;
  }

 private:
  static tensor_view<float> sized(std::vector<float>& memory, std::size_t rows, std::size_t columns) {
    if (memory.size() < rows * columns) memory.resize(rows * columns);
    return {memory.data(), {rows, columns}};
  }
  static void rectify(tensor_view<float> h) {
    for (float& value : h.flat()) value = value < 0 ? 0 : value;  // NaN stays
  }
  void spoil(spoiled_number::place where, tensor_view<float> y) {
    for (const spoiled_number& s : spoiled)
      if (s.where == where && (s.forward == -1 || s.forward == forwards))
        for (std::size_t row = s.row; row < y.rows(); row += rows) y(row, 0) = s.value;
  }

  std::vector<float> first_, second_, outputs_;
};

}  // namespace zolt::test
