#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/method/fit_additive_codebook.hpp"

namespace zolt {
namespace {

using test::message_of;

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  const auto numbers = test::normal_weights(s.size(), seed);
  std::copy(numbers.begin(), numbers.end(), t.data());
  return t;
}

/// Random codes and codebooks.
template <class Weights>
Weights random_weights(shape s, std::uint64_t seed) {
  test::draws random(seed);
  std::vector<typename Weights::code_type> codes(s.size() / Weights::group * Weights::codebook_count);
  for (auto& c : codes) c = static_cast<typename Weights::code_type>(random.below(Weights::entries));
  std::vector<float> codebooks(Weights::codebook_count * Weights::entries * Weights::group), scales(s.rows);
  for (float& c : codebooks) c = random.real(-1, 1);
  for (float& scale : scales) scale = random.real(0.01, 0.1);
  return Weights("w", s, codes, codebooks, scales);
}

template <class Weights>
std::vector<float> decoded(const Weights& w) {
  std::vector<float> out(w.shape().size());
  w.decode(0, out);
  return out;
}

double squared_error(const tensor<float>& w, std::span<const float> other) {
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += std::pow(double{w.data()[i]} - double{other[i]}, 2);
  return sum / static_cast<double>(w.size());
}

using small = additive_codebook_tensor<2, 2, 2>;
using two_by_eight = additive_codebook_tensor<2, 8>;
using one_by_sixteen = additive_codebook_tensor<1, 16>;

TEST(additive_codebook, a_known_answer) {
  const small w("w", {2, 4}, {0, 1, 3, 3, 2, 0, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 50, 60, 70, 80}, {1, 0.5f});
  EXPECT_EQ(decoded(w), (std::vector<float>{31, 42, 77, 88, 7.5f, 13, 26.5f, 32}));
  std::vector<float> part(4);
  w.decode(3, part);
  EXPECT_EQ(part, (std::vector<float>{88, 7.5f, 13, 26.5f}));
  EXPECT_EQ(w.bytes().size(), 8u);
  EXPECT_EQ(w.memory(), 8u + 16 * 4 + 2 * 4);
  EXPECT_EQ(w.shape(), (shape{2, 4}));
}

template <class Weights>
void expect_probes_see_what_is_in_place(shape s, double unit) {
  auto w = random_weights<Weights>(s, 1);
  optimizer opt{parameters(parameter("codebooks", w.codebooks(), {.unit = unit}), parameter("scales", w.scales(), {.unit = 0.01})),
                two_point{.queries = 2}, rademacher{}};
  const auto plan = opt.ask();
  std::vector<float> on_read(plan.size() * s.size()), part(plan.size() * 21);
  opt.probes().read(w, 0, on_read);
  opt.probes().read(w, s.columns - 10, part);  // few vectors, over the end of a row
  const auto unmoved = decoded(w);
  for (std::size_t k = 0; k < plan.size(); ++k) {
    const typename decltype(opt)::in_place scope(opt, plan[k]);
    const auto moved = decoded(w);
    EXPECT_EQ(std::memcmp(moved.data(), on_read.data() + k * s.size(), s.size() * sizeof(float)), 0) << "probe " << k;
    EXPECT_EQ(std::memcmp(moved.data() + s.columns - 10, part.data() + k * 21, 21 * sizeof(float)), 0) << "probe " << k;
    EXPECT_NE(moved, unmoved);
  }
  std::vector<float> plain(s.size());
  probe_view{}.read(w, 0, plain);
  EXPECT_EQ(plain, unmoved);
}

TEST(additive_codebook, probes_see_moved_codebooks_and_scales) {
  expect_probes_see_what_is_in_place<two_by_eight>({12, 64}, 0.02);
  expect_probes_see_what_is_in_place<small>({5, 30}, 0.02);
}

TEST(additive_codebook, one_codebook_of_sixteen_bits_is_read_vector_by_vector) {
  expect_probes_see_what_is_in_place<one_by_sixteen>({3, 24}, 0.02);
  const auto w = random_weights<one_by_sixteen>({4, 32}, 2);
  EXPECT_EQ(w.bytes().size(), 32u) << "2 bits per weight";
  static_assert(sizeof(one_by_sixteen::code_type) == 2 && sizeof(two_by_eight::code_type) == 1);
}

TEST(additive_codebook, tables_multiply_as_decoded_weights_do) {
  const auto w = random_weights<two_by_eight>({40, 64}, 3);
  const auto numbers = decoded(w), x = test::normal_weights(64, 4);
  std::vector<float> y(40), layer(40);
  w.multiply(x, y);
  linear(w, tensor_view<const float>(x.data(), {1, 64}), tensor_view<float>(layer.data(), {1, 40}));
  for (std::size_t o = 0; o < 40; ++o) {
    double expected = 0;
    for (std::size_t c = 0; c < 64; ++c) expected += double{numbers[o * 64 + c]} * double{x[c]};
    EXPECT_NEAR(y[o], expected, 2e-6);
    EXPECT_NEAR(layer[o], expected, 2e-6);
  }
}

TEST(additive_codebook, training_codebooks_and_scales_lowers_a_loss_and_leaves_the_codes) {
  auto w = random_weights<small>({8, 16}, 5);
  tensor<float> target(w.shape());
  std::copy_n(decoded(w).data(), target.size(), target.data());
  test::draws random(6);
  for (float& c : w.codebooks()) c += 0.2f * random.normal();
  for (float& s : w.scales()) s *= random.real(0.7, 1.4);
  const std::vector<std::uint8_t> codes(w.codes().begin(), w.codes().end());
  const double before = squared_error(target, decoded(w));
  optimizer opt{parameters(parameter("codebooks", w.codebooks(), {.unit = 0.05}), parameter("scales", w.scales(), {.unit = 0.003})),
                two_point{.queries = 4}, rademacher{}, sgd{.rate = 0.2}, options{.run = 2}};
  std::vector<float> out(w.shape().size() * 8);
  std::vector<double> losses;
  for (int step = 0; step < 150; ++step)
    opt.step([&](const probe_view& p) {
      p.read(w, 0, out);
      losses.clear();
      for (std::size_t k = 0; k < p.count(); ++k) losses.push_back(squared_error(target, std::span(out).subspan(k * target.size())));
      return std::span<const double>(losses);
    });
  const double after = squared_error(target, decoded(w));
  EXPECT_LT(after, 0.2 * before) << before << " before, " << after << " after";
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), w.codes().begin()));
}

TEST(additive_codebook, a_fit_finds_vectors_that_are_there) {
  const auto source = random_weights<additive_codebook_tensor<1, 2, 4>>({16, 32}, 7);
  tensor<float> w(source.shape());
  std::copy_n(decoded(source).data(), w.size(), w.data());
  const auto fitted = fit_additive_codebook<1, 6, 4>("w", w.view());  // more vectors than there are: none can be missed
  EXPECT_LT(squared_error(w, decoded(fitted)), 1e-3 * squared_error(w, std::vector<float>(w.size())));
}

TEST(additive_codebook, a_fit_of_normal_weights_in_two_bits) {
  const tensor<float> w = normal_tensor({32, 96}, 8);  // 384 groups
  const auto start = fit_additive_codebook<2, 8>("w", w.view(), {.iterations = 1, .sweeps = 1});
  const auto fitted = fit_additive_codebook<2, 8>("w", w.view(), {.iterations = 2});
  const double first = squared_error(w, decoded(start)), last = squared_error(w, decoded(fitted));
  EXPECT_LT(last, first);
  EXPECT_LT(last, 0.03) << "of weights with variance 1";
  RecordProperty("mse_2x8", std::to_string(last));
  const auto again = fit_additive_codebook<2, 8>("w", w.view(), {.iterations = 1, .sweeps = 1});
  EXPECT_EQ(decoded(again), decoded(start));
  const auto other = fit_additive_codebook<2, 8>("w", w.view(), {.iterations = 1, .sweeps = 1, .key = {.run = 1}});
  EXPECT_NE(decoded(other), decoded(start));
}

TEST(additive_codebook, a_row_of_zeros_stays_zero) {
  tensor<float> w = normal_tensor({6, 32}, 9);
  for (float& v : w.view().row(2)) v = 0;
  const auto fitted = fit_additive_codebook<1, 2, 8>("w", w.view());
  EXPECT_EQ(fitted.scales()[2], 0);
  const auto out = decoded(fitted);
  EXPECT_TRUE(std::all_of(out.begin() + 64, out.begin() + 96, [](float v) { return v == 0; }));
}

TEST(additive_codebook, wrong_buffers_are_named) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const std::vector<std::uint8_t> codes(8);
  const std::vector<float> codebooks(16), scales(2);
  const auto made = [&](shape s, auto c, auto b, auto k) { return message_of([&] { small("w", s, c, b, k); }); };
  EXPECT_EQ(made({2, 4}, codes, codebooks, scales), "no error");
  EXPECT_EQ(made({0, 4}, codes, codebooks, scales), "zolt: w: shape = 0x4 must have at least one element");
  EXPECT_EQ(made({2, 5}, codes, codebooks, scales), "zolt: w: columns = 5 must be divided by the group of 2");
  EXPECT_EQ(made({2, 6}, codes, codebooks, scales), "zolt: w: codes = 8 must be 12");
  EXPECT_EQ(made({2, 4}, codes, std::vector<float>(15), scales), "zolt: w: floats of codebooks = 15 must be 16");
  EXPECT_EQ(made({2, 4}, codes, codebooks, std::vector<float>(4)), "zolt: w: scales = 4 must be 2");
  EXPECT_EQ(made({2, 4}, std::vector<std::uint8_t>{0, 0, 0, 4, 0, 0, 0, 0}, codebooks, scales), "zolt: w: code 3 = 4 must be below 4");
  EXPECT_EQ(made({2, 4}, codes, codebooks, std::vector<float>{1, inf}), "zolt: w: scale of row 1 = inf must be finite");
  EXPECT_EQ(made({2, 4}, codes, std::vector<float>(16, inf), scales), "zolt: w: float 0 of the codebooks = inf must be finite");

  const small w("w", {2, 4}, codes, codebooks, scales);
  std::vector<float> out(5);
  EXPECT_EQ(message_of([&] { w.decode(4, out); }), "zolt: additive_codebook_tensor: weights read, up to = 9 must be at most 8");
  EXPECT_EQ(message_of([&] { probe_view{}.read(w, 4, out); }), "zolt: additive_codebook_tensor: weights read, up to = 9 must be at most 8");
  EXPECT_EQ(message_of([&] { w.multiply(out, out); }), "zolt: additive_codebook_tensor: size of x = 5 must be 4");
  EXPECT_EQ(message_of([&] { w.multiply(std::span(out).first(4), out); }), "zolt: additive_codebook_tensor: size of y = 5 must be 2");
}

TEST(additive_codebook, weights_that_cannot_be_fitted_are_named) {
  tensor<float> w = normal_tensor({3, 16}, 10);
  EXPECT_EQ(message_of([&] { fit_additive_codebook<2, 8>("w", w.view()); }),
            "zolt: w: groups of 8 weights in rows that are not zero = 6 must be at least 256, the vectors of a codebook");
  EXPECT_EQ(message_of([&] { fit_additive_codebook<1, 1, 5>("w", w.view()); }), "zolt: w: columns = 16 must be divided by the group of 5");
  EXPECT_EQ(message_of([&] { fit_additive_codebook<1, 1>("w", tensor_view<const float>{}); }),
            "zolt: w: shape = 0x0 must have at least one element");
  EXPECT_EQ(message_of([&] { fit_additive_codebook<1, 1>("w", w.view(), {.iterations = 0, .sweeps = 0}); }),
            "zolt: additive_codebook_fit: iterations = 0 must be at least 1 and finite\n"
            "      additive_codebook_fit: sweeps = 0 must be at least 1 and finite");
  w(1, 3) = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { fit_additive_codebook<1, 1>("w", w.view()); }), "zolt: w: weight 19 (row 1) = inf must be finite");
}

}  // namespace
}  // namespace zolt
