#include "zolt/method/senszoq.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/method/sensitive_overlay.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

using indices = std::vector<std::uint32_t>;

TEST(most_sensitive, takes_the_largest_and_among_equals_the_first) {
  const std::vector<float> scores = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3};
  EXPECT_EQ(most_sensitive(scores, 0.3), (indices{4, 5, 7})) << "not 8, whose score is that of 4";
  EXPECT_EQ(most_sensitive(scores, 0.4), (indices{4, 5, 7, 8}));
  EXPECT_EQ(most_sensitive(scores, 0.6), (indices{0, 2, 4, 5, 7, 8})) << "not 9, whose score is that of 0";
  EXPECT_EQ(most_sensitive(scores, 1e-9), (indices{5}));
  EXPECT_EQ(most_sensitive(scores, 1).size(), 10u);
  EXPECT_EQ(most_sensitive(std::vector<float>(7), 0.5), (indices{0, 1, 2, 3}));

  draws random(1);  // against a stable sort of many ties
  std::vector<float> many(1000);
  for (float& s : many) s = static_cast<float>(random.below(40));
  indices sorted(many.size());
  std::iota(sorted.begin(), sorted.end(), 0u);
  std::stable_sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) { return many[a] > many[b]; });
  sorted.resize(137);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(most_sensitive(many, 0.137), sorted);
}

using frozen_tensor = quantized_tensor<int4, per_group<32>>;

struct task {
  tensor<float> weights{shape{7, 64}};
  frozen_tensor frozen = random_weights();

  frozen_tensor random_weights() {
    draws random(2);
    for (float& w : weights.flat()) w = random.normal();
    return quantize<int4, per_group<32>>("w", weights.view());
  }
};

TEST(sensitive_overlay, shows_floats_at_its_indices_and_codes_elsewhere) {
  const task t;
  draws random(3);
  std::vector<float> scores(t.weights.size());
  for (float& s : scores) s = random.normal();
  const sensitive_overlay w("w", t.frozen, t.weights.view(), most_sensitive(scores, 0.1));
  std::vector<float> shown(t.weights.size()), expected(t.weights.size());
  probe_view{}.read(w, 0, shown);
  t.frozen.decode(0, expected);
  for (const std::uint32_t i : w.indices()) expected[i] = t.weights.data()[i];
  EXPECT_EQ(shown, expected);
  EXPECT_EQ(w.indices().size(), 45u);
  EXPECT_EQ(w.memory(), 45u * 8);
  for (int trial = 0; trial < 50; ++trial) {
    const std::size_t first = random.below(shown.size()), count = random.below(shown.size() - first + 1);
    std::vector<float> part(count);
    probe_view{}.read(w, first, part);
    ASSERT_TRUE(std::equal(part.begin(), part.end(), shown.data() + first)) << first << ", " << count;
  }
}

TEST(sensitive_overlay, a_probe_moves_its_values_alone_however_it_is_seen) {
  const task t;
  sensitive_overlay w("w", t.frozen, t.weights.view(), {0, 63, 64, 200, 447});
  optimizer opt{parameters(parameter("w", w.values())), method::senszoq{.radius = 0.5, .queries = 2}};
  const std::size_t n = t.weights.size(), count = opt.probes().count();
  std::vector<float> on_read(count * n), base(n), moved(n), part(count * 150);
  probe_view{}.read(w, 0, base);
  opt.probes().read(w, 0, on_read);
  opt.probes().read(w, 60, part);
  const auto plan = opt.ask();
  for (std::size_t k = 0; k < count; ++k) {
    const decltype(opt)::in_place scope(opt, plan[k]);
    probe_view{}.read(w, 0, moved);
    EXPECT_EQ(std::memcmp(moved.data(), on_read.data() + k * n, n * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(moved.data() + 60, part.data() + k * 150, 150 * sizeof(float)), 0);
    std::size_t differ = 0;
    for (std::size_t i = 0; i < n; ++i) differ += moved[i] != base[i];
    EXPECT_EQ(differ, 5u);
  }
}

/// ½ mean ‖x wᵀ − y‖² of a layer whose true weights are elsewhere, with inputs of very different sizes.
struct regression {
  tensor<float> x{shape{48, 64}}, y{shape{48, 7}};

  explicit regression(const task& t) {
    draws random(4);
    tensor<float> truth({7, 64});
    for (std::size_t i = 0; i < truth.size(); ++i) truth.data()[i] = t.weights.data()[i] + 0.3f * random.normal();
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t j = 0; j < x.columns(); ++j) x(r, j) = random.normal() * (j % 16 == 3 ? 3.0f : 0.2f);
    linear(truth, x.view(), y.view());
  }
  template <class Weights>
  std::vector<double> losses(const probe_view& p, const Weights& w) const {
    tensor<float> out({p.count() * x.rows(), y.columns()});
    linear(p, w, x.view(), out.view());
    std::vector<double> all;
    for (std::size_t k = 0; k < p.count(); ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += std::pow(double{out.data()[k * y.size() + i]} - double{y.data()[i]}, 2);
      all.push_back(sum / 2 / static_cast<double>(x.rows()));
    }
    return all;
  }
  /// (∂L/∂w)² of the frozen weights.
  std::vector<float> squared_gradients(const frozen_tensor& w) const {
    tensor<float> out(y.shape());
    linear(w, x.view(), out.view());
    std::vector<float> scores(7 * 64);
    for (std::size_t c = 0; c < 7; ++c)
      for (std::size_t j = 0; j < 64; ++j) {
        double sum = 0;
        for (std::size_t r = 0; r < x.rows(); ++r) sum += (double{out(r, c)} - double{y(r, c)}) * double{x(r, j)};
        scores[c * 64 + j] = static_cast<float>(sum * sum);
      }
    return scores;
  }
};

template <class Overlay>
double loss_after(Overlay& w, const regression& r, int steps) {
  optimizer opt{parameters(parameter("w", w.values())), method::senszoq{.rate = 0.004, .radius = 1e-2}};
  for (int s = 0; s < steps; ++s) opt.step([&](const probe_view& p) { return r.losses(p, w); });
  EXPECT_EQ(opt.state_bytes(), 0u);
  return r.losses({}, w)[0];
}

TEST(senszoq, sensitive_weights_lead_further_than_others_and_the_codes_stay) {
  const task t;
  const regression r(t);
  const auto bytes = t.frozen.view().bytes();
  const std::vector<std::byte> before(bytes.begin(), bytes.end());
  const double start = r.losses({}, t.frozen)[0];
  sensitive_overlay chosen("w", t.frozen, t.weights.view(), most_sensitive(r.squared_gradients(t.frozen), 0.05));
  indices every_twentieth;
  for (std::uint32_t i = 0; i < 7 * 64; i += 20) every_twentieth.push_back(i);
  sensitive_overlay others("w", t.frozen, t.weights.view(), every_twentieth);
  const double by_chosen = loss_after(chosen, r, 200), by_others = loss_after(others, r, 200);
  EXPECT_LT(by_chosen, 0.35 * start) << start << " at first, " << by_others << " by others";
  EXPECT_GT(by_others, 0.7 * start);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), before.begin()));
}

TEST(senszoq, moves_along_the_direction_it_probed_and_replays) {
  const task t;
  const regression r(t);
  const auto set = most_sensitive(r.squared_gradients(t.frozen), 0.05);
  sensitive_overlay w("w", t.frozen, t.weights.view(), set), again = w;
  const std::vector<float> base(w.values().begin(), w.values().end());
  const method::senszoq method{.rate = 0.004, .radius = 0x1p-6};
  optimizer opt{parameters(parameter("w", w.values())), method};
  const auto plan = opt.ask();
  std::vector<float> plus(base.size());
  opt.probes().one(0).read(w.values(), 0, plus);
  const std::vector<double> losses = r.losses(opt.probes(), w);
  ASSERT_EQ(plan.size(), 2u);
  opt.tell(losses);
  for (std::size_t k = 0; k < base.size(); ++k) {
    const double z = (double{plus[k]} - double{base[k]}) / method.radius;
    const double expected = -method.rate * (losses[0] - losses[1]) / (2 * method.radius) * z;
    EXPECT_NEAR(double{w.values()[k]} - double{base[k]}, expected, std::fabs(expected) * 1e-3 + 1e-6);
  }
  for (int s = 0; s < 5; ++s) opt.step([&](const probe_view& p) { return r.losses(p, w); });
  optimizer replayed{parameters(parameter("w", again.values())), method};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::ranges::equal(again.values(), w.values()));
}

TEST(sensitive_overlay, wrong_input_is_named) {
  const task t;
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of([] { most_sensitive({}, 0.5); }), "zolt: most_sensitive: scores = 0 must be at least 1 and finite");
  EXPECT_EQ(message_of([] { most_sensitive(std::vector<float>{1}, 0); }),
            "zolt: most_sensitive: fraction = 0 must be above 0 and at most 1");
  EXPECT_EQ(message_of([] { most_sensitive(std::vector<float>{1, none}, 1); }), "zolt: most_sensitive: score 1 = nan must be finite");
  const auto with = [&](indices i) { return message_of([&] { sensitive_overlay("w", t.frozen, t.weights.view(), i); }); };
  EXPECT_EQ(with({1, 448}), "zolt: w: index 1 = 448 must be below 448");
  EXPECT_EQ(with({5, 5}), "zolt: w: index 1 = 5 must be above 5, the one before");
  EXPECT_EQ(message_of([&] {
              sensitive_overlay("w", t.frozen, tensor_view<const float>(t.weights.data(), {8, 56}), {});
            }),
            "zolt: w: shape of the weights = 8x56 must be 7x64, that of the frozen tensor");
  const sensitive_overlay empty("w", t.frozen, t.weights.view(), {});
  std::vector<float> out(10);
  EXPECT_EQ(message_of([&] { probe_view{}.read(empty, 440, out); }), "zolt: frozen tensor: weights read, up to = 450 must be at most 448");
}

}  // namespace
}  // namespace zolt::test
