#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/method/dizo.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

using int4_weights = quantized_tensor<int4, per_group<32>>;

/// Floats and codes of which every one has a divergence, after a first step that a test makes by hand.
struct model {
  tensor<float> dense{{9, 40}};
  int4_weights coded{{11, 96}};

  model() {
    const auto w = normal_weights(dense.size(), 1);
    std::copy(w.begin(), w.end(), dense.data());
    tensor<float> floats(coded.shape());
    const auto v = normal_weights(floats.size(), 2);
    std::copy(v.begin(), v.end(), floats.data());
    coded = quantize<int4, per_group<32>>("coded", floats.view());
  }
  auto list() { return parameters(parameter("dense", dense, {.unit = 0.1}), parameter("coded", coded)); }
  int ordinal(std::size_t i) const { return int4::ordinal_of(coded.view().code(i)); }
  std::vector<std::byte> bytes() const {
    const auto floats = std::as_bytes(dense.flat());
    const auto codes = coded.view().bytes();
    std::vector<std::byte> all(floats.begin(), floats.end());
    all.insert(all.end(), codes.begin(), codes.end());
    return all;
  }
};

/// Σ (w − target)² of a model as a view shows it, per probe.
struct squares {
  const model* m;
  double target = 0.3;
  std::vector<double> operator()(const probe_view& probes) const {
    std::vector<double> sums(probes.count());
    const auto add = [&](const auto& w) {
      const std::size_t n = w.size() / 2;  // in two parts, of which one begins within the tensor
      std::vector<float> values(n * probes.count());
      for (std::size_t first = 0; first < w.size(); first += n) {
        probes.read(w, first, values);
        for (std::size_t i = 0; i < values.size(); ++i) sums[i / n] += (double{values[i]} - target) * (double{values[i]} - target);
      }
    };
    add(m->dense), add(m->coded);
    return sums;
  }
};

constexpr method::dizo quick{
    .rate = 1e-3, .radius = 1, .interval = 3, .iterations = 4, .projection_radius = 0.1, .projection_rate = 1e-4, .limit = 0.3};

struct trained {
  std::vector<std::byte> bytes;
  projected_trajectory log;
  std::vector<float> ratios;
  friend bool operator==(const trained&, const trained&) = default;
};

template <class StepOn>
trained train(int steps, StepOn&& step_on, const method::dizo& how = quick) {
  model m;
  divergence_projection run{m.list(), how.search(), {}, how, options{.run = 5}};
  for (int s = 0; s < steps; ++s) step_on(run, m);
  return {m.bytes(), run.recorded(), {run.ratios().begin(), run.ratios().end()}};
}

constexpr auto on_plan = [](auto& run, const model& m) { run.step(squares{&m}); };

TEST(dizo, three_ways_of_seeing_are_one_run) {
  const trained first = train(10, on_plan);
  EXPECT_EQ(first.log.weights.steps.size(), 10u);
  EXPECT_EQ(first.log.ratios.steps.size(), 12u) << "three projections of four steps";
  EXPECT_NE(first.ratios[0], 1);
  EXPECT_NE(first.ratios[1], 1);
  EXPECT_NE(first.bytes, train(10, on_plan, {.rate = quick.rate, .radius = 1, .interval = 11}).bytes) << "it moves weights";
  EXPECT_EQ(train(10, [](auto& run, const model& m) { run.step([&] { return squares{&m}(probe_view{})[0]; }); }) == first, true);
  EXPECT_EQ(train(10, [](auto& run, const model& m) { run.step([&](const probe_view& p) { return squares{&m}(p)[0]; }); }) == first, true);
}

TEST(dizo, between_projections_it_is_the_optimizer_alone) {
  const trained with = train(2, on_plan);
  model m;
  optimizer alone{m.list(), quick, options{.run = 5}};
  for (int s = 0; s < 2; ++s) alone.step(squares{&m});
  EXPECT_EQ(with.bytes, m.bytes());
  EXPECT_TRUE(with.log.ratios.steps.empty());
}

/// A projection after one step that goes `ahead` units along a known direction: the loss is that of the ratio alone.
/// Returns ratio, and divergence after projection relative to that before.
struct pulled {
  double ratio, dense_length, coded_length;
};
pulled pull(double slope, double limit) {
  model m;
  const model start = m;
  divergence_projection run{m.list(),
                            {.interval = 1, .iterations = 10, .rate = 0.5, .limit = limit},
                            {},
                            method::dizo{.rate = 1, .radius = 1},
                            options{.run = 2}};
  model moved;
  bool first_round = true;
  const auto loss = [&](const probe_view& probes) {
    std::vector<double> losses(probes.count());
    if (first_round) {
      first_round = false;
      losses[0] = 4, losses[1] = 0;  // coefficient 2: two units along −z
      return losses;
    }
    if (moved.bytes() == start.bytes()) moved = m;  // as the step left them
    std::vector<float> w(m.dense.size() * probes.count());
    probes.read(m.dense, 0, w);
    for (std::size_t k = 0; k < losses.size(); ++k) {
      double dot = 0, squared = 0;
      for (std::size_t i = 0; i < m.dense.size(); ++i) {
        const double d = double{moved.dense.data()[i]} - double{start.dense.data()[i]};
        dot += d * (double{w[k * m.dense.size() + i]} - double{start.dense.data()[i]});
        squared += d * d;
      }
      losses[k] = slope * dot / squared;  // the ratio of the first tensor, times the slope
    }
    return losses;
  };
  run.step(loss);
  const auto length = [](const auto& one, const auto& other, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::pow(one(i) - other(i), 2);
    return std::sqrt(sum);
  };
  const auto dense_of = [](const model& x) { return [&x](std::size_t i) { return double{x.dense.data()[i]}; }; };
  const auto coded_of = [](const model& x) { return [&x](std::size_t i) { return double(x.ordinal(i)); }; };
  for (std::size_t i = 0; i < m.coded.size(); ++i) {
    const int from = start.ordinal(i), to = moved.ordinal(i), kept = m.ordinal(i);
    EXPECT_GE(kept, int4::lowest);
    EXPECT_LE(kept, int4::highest);
    EXPECT_GE((kept - from) * (to - from), 0) << "a projection does not pass the start";
    EXPECT_LE(std::abs(kept - to), 1) << "a fraction of two codes is one code at most";
  }
  EXPECT_EQ(run.projections(), 1u);
  return {double{run.ratios()[0]},
          length(dense_of(m), dense_of(start), m.dense.size()) / length(dense_of(moved), dense_of(start), m.dense.size()),
          length(coded_of(m), coded_of(start), m.coded.size()) / length(coded_of(moved), coded_of(start), m.coded.size())};
}

TEST(dizo, a_loss_shortens_and_lengthens_the_divergence) {
  const pulled flat = pull(0, 0.2), shorter = pull(0.1, 0.9), longer = pull(-0.1, 0.9);
  EXPECT_EQ(flat.ratio, 1);
  EXPECT_EQ(flat.dense_length, 1);
  // Two-point differences along the ratio of the loss alone are exact: −η·slope per step, whatever the other ratio does.
  EXPECT_NEAR(shorter.ratio, 0.5, 2e-3);
  EXPECT_NEAR(longer.ratio, 1.5, 2e-3);
  EXPECT_NEAR(shorter.dense_length, shorter.ratio, 1e-4);
  EXPECT_NEAR(longer.dense_length, longer.ratio, 1e-4);
}

TEST(dizo, ratios_stay_within_the_limit) {
  EXPECT_EQ(pull(10, 0.2).ratio, double{1.0f - 0.2f});
  EXPECT_EQ(pull(-10, 0.2).ratio, double{1.0f + 0.2f});
}

TEST(dizo, a_ratio_of_one_changes_no_bit) {
  const trained with = train(3, on_plan, {.rate = quick.rate, .radius = 1, .interval = 3, .iterations = 4, .projection_rate = 1e-30});
  EXPECT_EQ(with.log.ratios.steps.size(), 4u);
  EXPECT_EQ(with.ratios, (std::vector<float>{1, 1}));
  EXPECT_EQ(with.bytes, train(3, on_plan, {.rate = quick.rate, .radius = 1}).bytes);
  for (const float w : {0.0f, -0.0f, 0x1p-149f, 3e38f, 0.1f, -7.3f})
    for (const float anchor : {0.0f, 0.3f, -3e38f}) {
      const float kept = detail::projected(anchor, w, detail::excess_of(1));
      EXPECT_EQ(std::memcmp(&kept, &w, sizeof w), 0);
    }
}

TEST(dizo, a_projected_code_is_unbiased_and_never_passes_its_start) {
  using format = int8;
  draws words(3);
  for (const int start : {-127, -20, 0, 5, 127})
    for (const int now : {-127, -3, 0, 4, 127})
      for (const float ratio : {0.7f, 0.97f, 1.0f, 1.1f, 1.3f}) {
        const std::int64_t excess = detail::excess_of(ratio);
        EXPECT_NEAR(static_cast<double>(excess) / 65536, double{ratio} - 1, 0x1p-17 + 1e-12);
        const double exact = now + static_cast<double>(excess) / 65536 * (now - start);
        double sum = 0;
        constexpr int draws_made = 500;
        for (int n = 0; n < draws_made; ++n) {
          const int target = detail::projected_ordinal<format>(start, now, excess, words.word());
          ASSERT_GE(target, format::lowest);
          ASSERT_LE(target, format::highest);
          ASSERT_GE((target - start) * (now - start), 0);
          if (exact >= format::lowest && exact <= format::highest) {
            ASSERT_LT(std::fabs(target - exact), 1);
          }
          sum += target;
        }
        const double clamped = std::clamp(exact, double{format::lowest}, double{format::highest});
        EXPECT_NEAR(sum / draws_made, clamped, 4.5 * 0.5 / std::sqrt(double{draws_made})) << start << " " << now << " " << ratio;
      }
}

TEST(dizo, a_loss_that_throws_leaves_the_weights_of_the_step_before) {
  const trained undisturbed = train(4, on_plan);
  model m;
  divergence_projection run{m.list(), quick.search(), {}, quick, options{.run = 5}};
  run.step(squares{&m});
  run.step(squares{&m});
  // Two evaluations are the step's own; then the projection's, of which the sixth fails, in its third step.
  int calls = 0;
  std::vector<std::byte> after_step;
  const auto failing = [&]() -> double {
    if (++calls == 8) throw std::runtime_error("lost");
    return squares{&m}(probe_view{})[0];
  };
  EXPECT_THROW(run.step(failing), std::runtime_error);
  EXPECT_EQ(run.step_number(), 3u);
  EXPECT_EQ(run.projections(), 0u);
  EXPECT_EQ(m.bytes(), train(3, on_plan, {.rate = quick.rate, .radius = 1, .interval = 9}).bytes);

  // What was recorded so far replays, and both go on with the projection as if nothing had happened.
  model again;
  divergence_projection replayed{again.list(), quick.search(), {}, quick, options{.run = 5}};
  replayed.replay(run.recorded());
  EXPECT_EQ(again.bytes(), m.bytes());
  replayed.step(squares{&again});
  run.step(squares{&m});
  EXPECT_EQ(m.bytes(), undisturbed.bytes);
  EXPECT_EQ(again.bytes(), undisturbed.bytes);
  EXPECT_EQ(run.recorded() == undisturbed.log, true);
  EXPECT_EQ(replayed.recorded() == undisturbed.log, true);
}

TEST(dizo, replay_repeats_a_run) {
  const trained longer = train(11, on_plan);
  for (const int steps : {2, 3, 8}) {
    const trained first = train(steps, on_plan);
    model m;
    divergence_projection run{m.list(), quick.search(), {}, quick, options{.run = 5}};
    run.replay(first.log);
    EXPECT_EQ(m.bytes(), first.bytes);
    for (int s = steps; s < 11; ++s) run.step(squares{&m});
    EXPECT_EQ(m.bytes(), longer.bytes) << "it goes on as the run would have";
    EXPECT_EQ(run.recorded() == longer.log, true);
  }
}

TEST(dizo, refuses_the_record_of_another_projection) {
  const projected_trajectory log = train(4, on_plan).log;
  const auto message = [&](const method::dizo& how, const std::vector<std::string>& names, const projected_trajectory& t) {
    model m;
    const auto before = m.bytes();
    divergence_projection run{m.list(), how.search(), names, how, options{.run = 5}};
    const std::string text = message_of([&] { run.replay(t); });
    EXPECT_EQ(m.bytes() == before, text != "no error") << "it is refused before anything is applied";
    return text;
  };
  EXPECT_EQ(message(quick, {}, log), "no error");
  method::dizo rarer = quick;
  rarer.limit = 0.2;
  EXPECT_TRUE(contains(message(rarer, {}, log), "must be the same tensors"));
  EXPECT_TRUE(contains(message(quick, {"coded"}, log), "must be the same tensors"));
  rarer = quick;
  rarer.interval = 4;
  EXPECT_TRUE(contains(message(rarer, {}, log), "must be the same tensors"));
  projected_trajectory cut = log;
  cut.ratios.steps.pop_back();
  cut.ratios.terms.pop_back();
  EXPECT_TRUE(contains(message(quick, {}, cut), "steps of the ratios = 3 must be at least 4"));
}

TEST(dizo, projects_the_named_tensors_alone) {
  model m;
  divergence_projection run{m.list(), quick.search(), {"coded"}, quick, options{.run = 5}};
  EXPECT_EQ(run.ratios().size(), 1u);
  for (int s = 0; s < 3; ++s) run.step(squares{&m});
  EXPECT_NE(run.ratios()[0], 1);
  model alone;
  optimizer plain{alone.list(), quick, options{.run = 5}};
  for (int s = 0; s < 3; ++s) plain.step(squares{&alone});
  EXPECT_TRUE(std::equal(m.dense.flat().begin(), m.dense.flat().end(), alone.dense.data()));
  EXPECT_NE(m.bytes(), alone.bytes());
  EXPECT_TRUE(contains(message_of([&] {
                         divergence_projection{m.list(), quick.search(), {"dense", "query"}, quick};
                       }),
                       "tensor to project = query must be the name of a parameter"));
}

TEST(dizo, costs_what_it_says) {
  model m;
  EXPECT_EQ((divergence_projection{m.list(), quick.search(), {"dense"}, quick}.state_bytes()),
            static_cast<std::size_t>(method::dizo::state_bytes_per_weight * static_cast<double>(m.dense.size())));
  EXPECT_EQ((divergence_projection{m.list(), quick.search(), {"coded"}, quick}.state_bytes()), m.coded.size() / 2);
  int evaluations = 0;
  divergence_projection run{m.list(), quick.search(), {}, quick};
  for (int s = 0; s < 6; ++s)
    run.step([&] {
      ++evaluations;
      return 0.0;
    });
  EXPECT_EQ(evaluations, 6 * 2 + 2 * 2 * 4);
  method::dizo wrong = quick;
  wrong.limit = 1.5;
  wrong.interval = 0;
  EXPECT_EQ(sentences_of([&] { divergence_projection{m.list(), wrong.search(), {}, wrong}; }).size(), 2u);
}

TEST(dizo, lowers_a_quadratic_on_floats_and_int4) {
  model m;
  const squares loss{&m, 0.0};
  const method::dizo how{.rate = 4e-3, .radius = 1, .interval = 20, .projection_rate = 1e-4};
  const double before = loss(probe_view{})[0];
  // A dense direction moves every code by a few hundredths: on four bits that is more noise than descent, unless the rest is kept.
  divergence_projection run{m.list(), how.search(), {}, how, residual<4>{}, options{.run = 1}};
  for (int s = 0; s < 400; ++s) run.step(loss);
  const double after = loss(probe_view{})[0];
  EXPECT_LT(after, 0.8 * before);
  EXPECT_EQ(run.projections(), 20u);
}

}  // namespace
}  // namespace zolt::test
