#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/kernel_smoothed.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/vote.hpp"

// Bad input is an error before anything is touched. It names tensor, field, value and bound, and reports every problem, not the first alone.

namespace zolt::test {
namespace {

using sentences = std::vector<std::string>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// What the constructor of an optimizer would throw, without compiling an optimizer for each list of policies.
template <class Parameters, class... Policies>
sentences problems_of(const Parameters& p, const Policies&... policies) {
  sentences all;
  for (const problem& one : find_problems(p, compose(policies...), options{})) all.push_back(one.sentence());
  return all;
}

TEST(validation, good_input_has_no_problem) {
  model m = model::extreme();
  EXPECT_EQ(problems_of(m.list()), sentences{});
  EXPECT_EQ(problems_of(m.list(dense_only), gaussian{}, two_point{.radius = 1e-3}), sentences{});
}

TEST(validation, names_given_twice) {
  std::vector<float> a(3), b(4);
  EXPECT_EQ(problems_of(parameters(parameter("w", a), parameter("w", b))),
            sentences{"w: id = " + to_text(hash_of("w", 1)) + " must differ from that of w: give another name, or an id"});
  EXPECT_EQ(problems_of(parameters(parameter("w", a), parameter("w", b, {.id = 5}))), sentences{});
  EXPECT_EQ(problems_of(parameters(parameter("a", a, {.id = 5}), parameter("b", b, {.id = 5}))),
            sentences{"b: id = 5 must differ from that of a: give another name, or an id"});
}

TEST(validation, memory_that_overlaps) {
  std::vector<float> w(20);
  const std::span<float> all(w);
  auto first = all.first(10), second = all.subspan(9, 5), third = all.subspan(14);
  EXPECT_EQ(problems_of(parameters(parameter("first", first), parameter("second", second), parameter("third", third))),
            sentences{"second: memory = shared must not overlap that of first"});
  EXPECT_EQ(problems_of(parameters(parameter("first", first), parameter("third", third))), sentences{});
  auto inner = all.subspan(2, 2), later = all.subspan(6, 2);  // both inside another one
  EXPECT_EQ(problems_of(parameters(parameter("first", first), parameter("inner", inner), parameter("later", later))),
            (sentences{"inner: memory = shared must not overlap that of first", "later: memory = shared must not overlap that of first"}));
}

TEST(validation, nothing_to_train) {
  EXPECT_EQ(problems_of(any_parameters{}), sentences{"parameters: count = 0 must be at least 1"});
  std::vector<float> empty, w(3);
  EXPECT_EQ(problems_of(parameters(parameter("w", w), parameter("empty", empty))),
            sentences{"empty: shape = 1x0 must have at least one element"});
}

TEST(validation, weights_that_are_no_numbers) {
  std::vector<float> a = {1, static_cast<float>(nan), 2}, b = {1, 2, static_cast<float>(-infinity)};
  EXPECT_EQ(problems_of(parameters(parameter("a", a), parameter("b", b))),
            (sentences{"a: weight 1 = nan must be finite", "b: weight 2 = -inf must be finite"}));
}

TEST(validation, codes_that_are_no_numbers) {
  model m = model::quantized();
  m.in_int4.view().set_code(77, 8);    // −8, which four symmetric bits do not use
  m.in_int8.view().set_code(5, 0x80);  // −128
  m.in_e4m3.view().set_code(6, 0x7f);  // NaN
  m.in_e5m2.view().set_code(7, 0xfc);  // −∞
  EXPECT_EQ(problems_of(m.list()),
            (sentences{"int4: code 77 = 8 must be a finite number of int4", "int8: code 5 = 128 must be a finite number of int8",
                       "e4m3fn: code 6 = 127 must be a finite number of e4m3fn", "e5m2: code 7 = 252 must be a finite number of e5m2"}));
}

TEST(validation, scales_that_are_no_scales) {
  model m = model::quantized();
  m.in_int4.scales()[1] = 0;
  m.in_int8.scales()[2] = static_cast<float>(nan);
  m.in_e4m3.scales()[0] = -1;
  m.in_e5m2.scales()[0] = static_cast<float>(infinity);
  EXPECT_EQ(problems_of(m.list()),
            (sentences{"int4: scale of weight 32 = 0 must be finite and not 0", "int8: scale of weight 602 = nan must be finite and not 0",
                       "e5m2: scale of weight 0 = inf must be finite and not 0"}));
}

TEST(validation, units_of_floats) {
  model m = model::quantized();
  const auto with_unit = [&](unsigned which, double unit) {
    any_parameters p = m.list(which);
    p.add("bias", m.in_float, {.unit = unit});
    return problems_of(p);
  };
  EXPECT_EQ(with_unit(int4_only, 0), sentences{"bias: unit = not given must be given for a dense parameter beside coded ones; "
                                               "zolt::unit_of(w) is the code step of a neighbour"});
  EXPECT_EQ(with_unit(0, 0), sentences{});
  EXPECT_EQ(with_unit(int4_only, unit_of(m.in_int4)), sentences{});
  for (const double bad : {-1.0, nan, infinity})
    for (const unsigned beside : {0u, 1u})
      EXPECT_EQ(with_unit(beside, bad), sentences{"bias: unit = " + to_text(bad) + " must be positive and finite"});
}

TEST(validation, radii) {
  model m = model::quantized();
  const auto with_radius = [&](unsigned which, double radius) { return problems_of(m.list(which), two_point{.radius = radius}); };
  const std::string whole = " must be a whole number of codes on coded storage";
  EXPECT_EQ(with_radius(dense_only, 0), sentences{"two_point: radius = 0 must be positive and finite"});
  EXPECT_EQ(with_radius(dense_only, -1), sentences{"two_point: radius = -1 must be positive and finite"});
  EXPECT_EQ(with_radius(dense_only, infinity), sentences{"two_point: radius = inf must be positive and finite"});
  EXPECT_EQ(with_radius(dense_only, nan), sentences{"two_point: radius = nan must be positive and finite"});
  EXPECT_EQ(with_radius(dense_only, 0.5), sentences{});
  EXPECT_EQ(with_radius(int4_only, 0.5), sentences{"int4: radius = 0.5" + whole});
  EXPECT_EQ(with_radius(int8_only | e5m2_only, 1.5), (sentences{"int8: radius = 1.5" + whole, "e5m2: radius = 1.5" + whole}));
  EXPECT_EQ(with_radius(int4_only, 14), sentences{});
  EXPECT_EQ(with_radius(int4_only, 15), sentences{"int4: radius = 15 must be at most 14, the range of int4"});
  EXPECT_EQ(with_radius(int4_only | e4m3_only, 253), (sentences{"int4: radius = 253 must be at most 14, the range of int4",
                                                                "e4m3fn: radius = 253 must be at most 252, the range of e4m3fn"}));
  EXPECT_EQ(problems_of(m.list(dense_only), one_sided{.radius = -2}), sentences{"one_sided: radius = -2 must be positive and finite"});
}

TEST(validation, rates) {
  model m = model::quantized();
  for (const double bad : {0.0, -0.1, nan, infinity}) {
    const std::string rest = ": rate = " + to_text(bad) + " must be positive and finite";
    EXPECT_EQ(problems_of(m.list(), sgd{.rate = bad}), sentences{"sgd" + rest});
    EXPECT_EQ(problems_of(m.list(), sign_of_gradient{.rate = bad}), sentences{"sign_of_gradient" + rest});
    EXPECT_EQ(problems_of(m.list(), momentum{.rate = bad}), sentences{"momentum" + rest});
    EXPECT_EQ(problems_of(m.list(), adam{.rate = bad}), sentences{"adam" + rest});
    EXPECT_EQ(problems_of(m.list(), amsgrad{.rate = bad}), sentences{"amsgrad" + rest});
  }
}

TEST(validation, every_field_of_every_policy) {
  model m = model::quantized();
  const auto one = [&](const auto& policy, const std::string& sentence) { EXPECT_EQ(problems_of(m.list(), policy), sentences{sentence}); };
  one(two_point{.queries = 0}, "two_point: queries = 0 must be at least 1 and finite");
  one(one_sided{.queries = 0}, "one_sided: queries = 0 must be at least 1 and finite");
  one(momentum{.decay = 1}, "momentum: decay = 1 must be at least 0 and below 1");
  one(kernel_smoothed{.levels = 0}, "kernel_smoothed: levels = 0 must be at least 1 and finite");
  one(vote{.rate = 1.5}, "vote: rate = 1.5 must be above 0 and at most 1");
  one(amsgrad{.epsilon = 0}, "amsgrad: epsilon = 0 must be positive and finite");
  one(adam{.first_decay = 1}, "adam: first_decay = 1 must be at least 0 and below 1");
  one(adam{.second_decay = -0.5}, "adam: second_decay = -0.5 must be at least 0 and below 1");
  one(adam{.epsilon = 0}, "adam: epsilon = 0 must be positive and finite");
  one(sparse_rademacher{.ratio = -1}, "sparse_rademacher: ratio = -1 must be finite and not negative");
  one(sparse_rademacher{.min_density = 0}, "sparse_rademacher: min_density = 0 must be above 0 and at most 1");
  one(sparse_rademacher{.min_density = 1.5}, "sparse_rademacher: min_density = 1.5 must be above 0 and at most 1");
  one(running_rms{.decay = 1}, "running_rms: decay = 1 must be at least 0 and below 1");
  one(clip{.limit = 0}, "clip: limit = 0 must be positive and finite");
  one(linear_decay{.steps = 0}, "linear_decay: steps = 0 must be at least 1 and finite");
  one(linear_decay{.last = 0}, "linear_decay: last = 0 must be above 0 and at most 1");
  one(cosine_decay{.steps = 0}, "cosine_decay: steps = 0 must be at least 1 and finite");
  one(cosine_decay{.last = 2}, "cosine_decay: last = 2 must be above 0 and at most 1");
  EXPECT_EQ(sentences_of([&] { optimizer opt(m.list(), options{.threads = 0}); }),
            sentences{"options: threads = 0 must be at least 1 and at most 1024"});
}

TEST(validation, laws_that_codes_cannot_follow) {
  model m = model::quantized();
  const std::string rest = " must move whole codes on coded storage: ±1, sparse, low-rank or rounded";
  EXPECT_EQ(problems_of(m.list(int4_only | dense_only), gaussian{}), sentences{"int4: direction law = gaussian" + rest});
  EXPECT_EQ(problems_of(m.list(e4m3_only | int8_only), uniform{}),
            (sentences{"int8: direction law = uniform" + rest, "e4m3fn: direction law = uniform" + rest}));
}

TEST(validation, all_problems_at_once) {
  model m = model::quantized();
  m.in_int4.view().set_code(0, 8);
  m.in_float.data()[2] = static_cast<float>(nan);
  const auto before = m.bytes();
  any_parameters p = m.list(int4_only);
  p.add("int4", m.in_float);
  const auto construct = [&] { optimizer opt(p, two_point{.radius = -1, .queries = 0}, sgd{.rate = 0}, options{.threads = 0}); };
  const sentences all = sentences_of(construct);
  const std::string text = message_of(construct);
  EXPECT_EQ(all.size(), 8u);
  EXPECT_EQ(m.bytes() == before, true);
  for (const std::string& sentence : all) EXPECT_TRUE(contains(text, sentence)) << sentence;
  for (const char* part : {"two_point: radius", "two_point: queries", "sgd: rate", "threads", "code 0", "unit", "weight 2", "id ="})
    EXPECT_TRUE(contains(text, part)) << part;
}

TEST(validation, may_be_asked_again) {
  model m = model::quantized();
  optimizer opt{m.list()};
  EXPECT_NO_THROW(opt.validate());
  m.in_float.data()[9] = static_cast<float>(infinity);
  EXPECT_EQ(sentences_of([&] { opt.validate(); }), sentences{"dense: weight 9 = inf must be finite"});
}

TEST(validation, addresses_and_ranges_of_a_read) {
  model m = model::quantized();
  optimizer opt{m.list()};
  opt.ask();
  std::vector<float> out(2 * 16);
  const auto part = std::span<const float>(m.in_float.flat()).subspan(16);
  EXPECT_EQ(message_of([&] { opt.probes().read(part, 0, out); }),
            "zolt: dense: address read = inside the tensor must be its first weight; say where to read by `first`");
  const std::string text = message_of([&] { opt.probes().read(m.in_e5m2, 33 * 33 - 15, out); });
  EXPECT_EQ(text, "zolt: e5m2: weights read, up to = 1090 must be at most 1089");
  EXPECT_THROW(opt.probes().read(m.in_e5m2, std::numeric_limits<std::size_t>::max() - 3, out), error);
  EXPECT_NO_THROW(opt.probes().read(m.in_e5m2, 33 * 33 - 16, out));
}

}  // namespace
}  // namespace zolt::test
