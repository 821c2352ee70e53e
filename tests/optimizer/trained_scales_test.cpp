#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

// Scales and zero points are parameters like any other: beside the codes, or instead of them (QZO, arXiv 2505.13430).

namespace zolt::test {
namespace {

template <class Weights>
struct layer {
  Weights w;

  layer() {
    tensor<float> t({48, 96});
    draws d(3);
    for (float& v : t.flat()) v = 0.1f * d.normal();
    w = quantizer<typename Weights::format, per_block<4, 32>>{}("w", t);
  }
  std::span<const double> operator()(const probe_view& probes) {
    constexpr std::size_t tile = 700;  // begins and ends within rows
    sums.assign(probes.count(), 0);
    for (std::size_t first = 0; first < w.size(); first += tile) {
      const std::size_t n = std::min(tile, w.size() - first);
      out.resize(n * probes.count());
      probes.read(w, first, out);
      for (std::size_t k = 0; k < probes.count(); ++k)
        for (std::size_t j = 0; j < n; ++j) {
          const double target = (first + j) % 7 == 0 ? 0.2 : -0.05;
          sums[k] += (out[k * n + j] - target) * (out[k * n + j] - target);
        }
    }
    return sums;
  }
  std::vector<std::byte> bytes() {
    std::vector<std::byte> all(w.view().bytes().begin(), w.view().bytes().end());
    const auto add = [&all](std::span<const float> floats) {
      all.insert(all.end(), std::as_bytes(floats).begin(), std::as_bytes(floats).end());
    };
    add(w.scales());
    if constexpr (requires { w.zeros(); }) add(w.zeros());
    return all;
  }

  std::vector<double> sums;
  std::vector<float> out;
};

using symmetric = layer<quantized_tensor<int4, per_block<4, 32>>>;
using asymmetric = layer<quantized_tensor<uint4, per_block<4, 32>>>;

/// The same run seen in the three ways ends in the same bytes, and the loss fell.
template <class Layer, class Parameters>
void expect_one_run(Parameters parameters_of) {
  std::vector<std::vector<std::byte>> ends;
  for (int form = 0; form < 3; ++form) {
    Layer l;
    const double before = l(probe_view{})[0];
    optimizer opt{parameters_of(l), two_point{.queries = 2}, sgd{.rate = 0.05}, options{.run = 4}};
    for (int step = 0; step < 60; ++step) {
      if (form == 0) opt.step([&] { return l(probe_view{})[0]; });
      if (form == 1) opt.step([&](const probe_view& p) { return l(p)[0]; });
      if (form == 2) {
        const report r = opt.step([&](const probe_view& p) { return l(p); });
        EXPECT_TRUE(r.unread.empty()) << r.unread.front();
      }
    }
    EXPECT_LT(l(probe_view{})[0], before);
    ends.push_back(l.bytes());
  }
  EXPECT_EQ(ends[0], ends[1]);
  EXPECT_EQ(ends[0], ends[2]);
  EXPECT_NE(ends[0], Layer().bytes());
}

TEST(trained_scales, alone_leave_the_codes_as_they_are) {
  expect_one_run<symmetric>([](symmetric& l) { return parameters(parameter("scales", l.w.scales(), {.unit = 0.002})); });
  symmetric l;
  const std::vector<std::byte> codes(l.w.view().bytes().begin(), l.w.view().bytes().end());
  optimizer opt{parameters(parameter("scales", l.w.scales(), {.unit = 0.002})), sgd{.rate = 0.2}};
  for (int step = 0; step < 5; ++step) opt.step([&](const probe_view& p) { return l(p); });
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), l.w.view().bytes().begin()));
}

TEST(trained_scales, beside_their_codes) {
  expect_one_run<symmetric>(
      [](symmetric& l) { return parameters(parameter("w", l.w), parameter("scales", l.w.scales(), {.unit = 0.002})); });
}

TEST(trained_scales, with_zero_points) {
  expect_one_run<asymmetric>([](asymmetric& l) {
    return parameters(parameter("scales", l.w.scales(), {.unit = 0.002}), parameter("zeros", l.w.zeros(), {.unit = 0.1}));
  });
  expect_one_run<asymmetric>([](asymmetric& l) { return parameters(parameter("w", l.w), parameter("zeros", l.w.zeros(), {.unit = 0.1})); });
}

TEST(trained_scales, are_not_read_beyond_the_weights) {
  symmetric l;
  optimizer opt{parameters(parameter("scales", l.w.scales(), {.unit = 0.002}))};
  const probe_view seen = opt.probes();
  std::vector<float> out(4 * seen.count());
  EXPECT_THROW(seen.read(l.w, l.w.size() - 2, out), error);
  EXPECT_THROW(seen.read(l.w, static_cast<std::size_t>(-2), out), error);
}

/// Weights made of two tensors: a float per row times codes.
struct row_scaled {
  const quantized_tensor<int8>* codes;
  const std::vector<float>* row_factor;

  zolt::shape shape() const { return codes->shape(); }
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    const std::size_t n = out.size() / probes.count();
    std::vector<float> factors(row_factor->size() * probes.count());
    probes.read(*row_factor, 0, factors);
    probes.read(*codes, first, out);
    for (std::size_t k = 0; k < probes.count(); ++k)
      for (std::size_t j = 0; j < n; ++j) out[k * n + j] *= factors[k * row_factor->size() + (first + j) / shape().columns];
  }
};

TEST(composite_weights, are_seen_under_the_probes_of_their_parts) {
  draws d(9);
  tensor<float> t({6, 20}), x({3, 20});
  for (float& v : t.flat()) v = d.normal();
  for (float& v : x.flat()) v = d.normal();
  auto codes = quantize<int8>("codes", t);
  std::vector<float> factor(6, 1.5f);
  const row_scaled w{&codes, &factor};
  static_assert(readable_weights<row_scaled> && !readable_weights<int>);
  optimizer opt{parameters(parameter("codes", codes), parameter("factor", factor, {.unit = 0.1})), rademacher{}};
  const probe_view seen = opt.probes();
  std::vector<float> y(2 * 3 * 6), one(3 * 6);
  linear(seen, w, x, tensor_view<float>(y.data(), {6, 6}));
  std::size_t k = 0;
  for (const probe& p : opt.ask()) {
    const typename decltype(opt)::in_place scope(opt, p);
    linear(w, x, tensor_view<float>(one.data(), {3, 6}));
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i], y[k * one.size() + i]);
    ++k;
  }
}

}  // namespace
}  // namespace zolt::test
