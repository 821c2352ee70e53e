#include "zolt/method/qzo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

/// INT4 codes under 16 scales, and a quadratic on the weights whose minimum is these codes under other scales.
struct layer {
  quantized_tensor<int4, per_group<32>> w;
  std::vector<float> target;

  layer() {
    tensor<float> floats({8, 64});
    draws d(3);
    for (float& v : floats.flat()) v = 0.1f * d.normal();
    w = quantize<int4, per_group<32>>("w", floats.view());
    target.resize(w.size());
    w.decode(0, target);
    for (std::size_t j = 0; j < target.size(); ++j) target[j] *= j / 32 % 2 == 0 ? 0.6f : 1.4f;
  }
  auto scales(bool relative = false) { return parameters(parameter("scales", w.scales(), {.relative = relative, .lowest = 0})); }
  double loss(const probe_view& probe = {}) const {
    std::vector<float> seen(w.size());
    probe.read(w, 0, seen);
    double sum = 0;
    for (std::size_t j = 0; j < seen.size(); ++j) sum += 0.5 * std::pow(double{seen[j]} - double{target[j]}, 2);
    return sum;
  }
  std::vector<std::byte> codes() const { return {w.view().bytes().begin(), w.view().bytes().end()}; }
  std::vector<float> scale_values() const { return {w.scales().begin(), w.scales().end()}; }
};

TEST(qzo, descends_by_its_scales_alone) {
  layer l;
  const auto codes = l.codes();
  const double before = l.loss();
  optimizer opt{l.scales(), method::qzo{.rate = 1e-4}, options{.run = 2}};
  for (int s = 0; s < 1500; ++s) opt.step([&] { return l.loss(); });
  EXPECT_LT(l.loss(), 1e-3 * before) << "the minimum is within reach of the scales";
  EXPECT_EQ(l.codes(), codes);
}

TEST(qzo, no_derivative_counts_more_than_the_limit) {
  for (const std::uint32_t queries : {1u, 3u}) {
    layer l;
    const method::qzo how{.rate = 1e-6, .limit = 4, .queries = queries};
    optimizer opt{l.scales(), how, options{.run = 5}};
    std::uint32_t cut = 0, kept = 0;
    for (int s = 0; s < 40; ++s) {
      const auto losses = opt.evaluate([&] { return l.loss(); });
      std::vector<double> derivatives;
      for (std::size_t q = 0; q < queries; ++q) derivatives.push_back((losses[2 * q] - losses[2 * q + 1]) / (2 * how.radius));
      const std::vector<double> told(losses.begin(), losses.end());
      const auto beyond =
          static_cast<std::uint32_t>(std::count_if(derivatives.begin(), derivatives.end(), [](double d) { return std::fabs(d) > 4; }));
      EXPECT_EQ(opt.tell(told).clipped_coefficients, beyond);
      cut += beyond, kept += queries - beyond;
      const trajectory log = opt.recorded();
      for (std::size_t q = 0; q < queries; ++q) {
        const double applied = double{log.terms[log.terms.size() - queries + q].coefficient} * queries;
        EXPECT_NEAR(applied, std::clamp(derivatives[q], -4.0, 4.0), 1e-5);
        EXPECT_LE(std::fabs(applied), 4 * (1 + 1e-6));
      }
    }
    EXPECT_GT(cut, 10u);
    EXPECT_GT(kept, 5u);
  }
}

TEST(qzo, scales_stop_at_zero_and_come_back) {
  layer l;
  optimizer opt{l.scales(), method::qzo{.rate = 0.002}, options{.run = 7}};
  const auto sum = [&] {
    double all = 0;
    for (const float s : l.w.scales()) all += double{s};
    return all;
  };
  std::uint64_t stopped = 0;
  for (int s = 0; s < 400; ++s) {
    stopped += opt.step(sum).writes.clamped;
    for (const float scale : l.w.scales()) ASSERT_GE(scale, 0.0f);
  }
  EXPECT_GT(stopped, 0u);
  EXPECT_TRUE(std::any_of(l.w.scales().begin(), l.w.scales().end(), [](float s) { return s == 0; }));
  for (int s = 0; s < 400; ++s) opt.step([&] { return -sum(); });
  EXPECT_FALSE(std::any_of(l.w.scales().begin(), l.w.scales().end(), [](float s) { return s == 0; })) << "silent, not lost";
}

TEST(qzo, probes_are_seen_through_the_codes) {
  layer l;
  optimizer opt{l.scales(), method::qzo{.radius = 0.01, .queries = 2}, options{.run = 9}};
  const auto unprobed = l.scale_values();
  const probe_view all = opt.probes();
  std::vector<float> read(4 * l.w.size()), in_place(l.w.size());
  all.read(l.w, 0, read);
  tensor<float> x({3, 64}), y({12, 8}), one({3, 8});
  draws d(1);
  for (float& v : x.flat()) v = d.normal();
  linear(all, l.w, x.view(), y.view());
  std::size_t k = 0;
  for (const probe& p : opt.ask()) {
    const typename decltype(opt)::in_place scope(opt, p);
    EXPECT_NE(l.scale_values(), unprobed);
    l.w.decode(0, in_place);
    EXPECT_TRUE(std::equal(in_place.begin(), in_place.end(), read.begin() + static_cast<std::ptrdiff_t>(k * l.w.size()))) << k;
    linear(l.w, x.view(), one.view());
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one.flat()[i], y.flat()[k * one.size() + i]);
    ++k;
  }
  EXPECT_EQ(l.scale_values(), unprobed);
}

TEST(qzo, every_way_of_seeing_is_one_run_and_its_trajectory_is_the_checkpoint) {
  layer in_place, on_read, again;
  const method::qzo how{.rate = 1e-4, .limit = 5, .queries = 2};
  optimizer opt{in_place.scales(), how, options{.run = 4}};
  optimizer reader{on_read.scales(), how, options{.run = 4}};
  for (int s = 0; s < 30; ++s) {
    opt.step([&] { return in_place.loss(); });
    const report r = reader.step([&](const probe_view& probe) { return on_read.loss(probe); });
    EXPECT_TRUE(r.unread.empty());
  }
  EXPECT_EQ(in_place.scale_values(), on_read.scale_values());
  EXPECT_EQ(opt.recorded(), reader.recorded());
  optimizer replayed{again.scales(), how, options{.run = 4}};
  replayed.replay(opt.recorded());
  EXPECT_EQ(again.scale_values(), in_place.scale_values());
  EXPECT_NE(again.scale_values(), layer().scale_values());
}

TEST(normalised_qzo, probes_are_parts_of_a_scale) {
  layer l;
  l.w.scales()[3] *= 1e-4f;
  l.w.scales()[4] *= 1e4f;
  const auto unprobed = l.scale_values();
  optimizer opt{l.scales(true), method::normalised_qzo{.radius = 0.5}};
  std::vector<int> first;
  for (const probe& p : opt.ask()) {
    const typename decltype(opt)::in_place scope(opt, p);
    const auto seen = l.scale_values();
    for (std::size_t g = 0; g < seen.size(); ++g) {
      EXPECT_NEAR(std::fabs(double{seen[g]} / double{unprobed[g]} - 1), 0.5, 1e-6) << g;
      EXPECT_GT(seen[g], 0.0f);
      const int way = seen[g] > unprobed[g] ? 1 : -1;
      if (first.size() < seen.size())
        first.push_back(way);
      else
        EXPECT_EQ(way, -first[g]) << "the other side";
    }
  }
}

TEST(normalised_qzo, steps_do_not_depend_on_the_unit_of_the_loss) {
  layer one, other;
  optimizer opt{one.scales(true), method::normalised_qzo{}, options{.run = 6}};
  optimizer louder{other.scales(true), method::normalised_qzo{}, options{.run = 6}};
  const double before = one.loss();
  for (int s = 0; s < 600; ++s) {
    opt.step([&] { return one.loss(); });
    louder.step([&] { return 1024 * other.loss(); });
  }
  EXPECT_EQ(one.scale_values(), other.scale_values());
  EXPECT_LT(one.loss(), 0.1 * before);
}

TEST(normalised_qzo, rate_is_the_rms_step_of_a_scale) {
  layer l;
  const method::normalised_qzo how{.rate = 0.001, .radius = 0.02, .limit = 1e6};
  optimizer opt{l.scales(true), how, options{.run = 8}};
  draws noise(2);
  double squares = 0;
  constexpr int steps = 2000;
  for (int s = 0; s < steps; ++s) {
    const auto before = l.scale_values();
    opt.step([&] { return double{noise.normal()}; });
    squares += std::pow(double{l.w.scales()[5]} / double{before[5]} - 1, 2);
  }
  EXPECT_NEAR(std::sqrt(squares / steps) / how.rate, 1, 0.05) << "losses of noise have derivatives of one size";
}

}  // namespace
}  // namespace zolt::test
