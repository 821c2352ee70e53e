#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/every_format.hpp"
#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"

// One optimizer, one forward, every format: what differs between formats stands in numeric/ and quantize/ alone.

namespace zolt::test {
namespace {

template <class Weights>
using storage_of_weights = storage_t<Weights>;
using list_of_storages = every_weight::mapped<weight_list, storage_of_weights>;

template <class... Storages>
struct unique_list;
template <class... Kept>
struct unique_list<weight_list<Kept...>> {
  using type = parameter_list<Kept..., dense_view>;
};
template <class... Kept, class First, class... Rest>
struct unique_list<weight_list<Kept...>, First, Rest...>
    : std::conditional_t<(std::same_as<First, Kept> || ...), unique_list<weight_list<Kept...>, Rest...>,
                         unique_list<weight_list<Kept..., First>, Rest...>> {};
template <class List>
struct parameters_for;
template <class... Storages>
struct parameters_for<weight_list<Storages...>> : unique_list<weight_list<>, Storages...> {};

/// The set of parameters that can hold weights of every format.
using any_format_parameters = parameters_for<list_of_storages>::type;

constexpr std::size_t inputs = 64, hidden = 64, outputs = 16, batch = 16;

/// A network of two layers that learns what a float network of its shape does.
template <class Weights>
class student {
 public:
  student() : x_({batch, inputs}), target_({batch, outputs}) {
    draws d(5);
    for (float& v : x_.flat()) v = d.normal();
    const tensor<float> first = normal({hidden, inputs}, d), second = normal({outputs, hidden}, d);
    forward(probe_view{}, first, second, target_);
    first_ = typename quantizer_of<Weights>::type{}("first", normal({hidden, inputs}, d));
    second_ = typename quantizer_of<Weights>::type{}("second", normal({outputs, hidden}, d));
  }

  /// The squared error under every probe.
  std::vector<double> operator()(const probe_view& probes) {
    y_.resize(batch * probes.count() * outputs);
    forward(probes, first_, second_, {y_.data(), {batch * probes.count(), outputs}});
    std::vector<double> losses(probes.count());
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const double e = double{y_[i]} - double{target_.data()[i % target_.size()]};
      losses[i / target_.size()] += e * e;
    }
    return losses;
  }

  any_format_parameters parameters() {
    any_format_parameters p;
    p.add("first", first_);
    p.add("second", second_);
    return p;
  }
  std::vector<std::byte> bytes() {
    std::vector<std::byte> all(first_.view().bytes().begin(), first_.view().bytes().end());
    all.insert(all.end(), second_.view().bytes().begin(), second_.view().bytes().end());
    return all;
  }

 private:
  template <class W>
  void forward(const probe_view& probes, const W& first, const W& second, tensor_view<float> y) {
    h_.resize(batch * probes.count() * hidden);
    const tensor_view<float> h(h_.data(), {batch * probes.count(), hidden});
    linear(probes, first, x_, h);
    for (float& v : h_) v = std::max(v, 0.0f);
    linear(probes, second, h, y);
  }
  static tensor<float> normal(shape s, draws& d) {
    tensor<float> t(s);
    for (float& w : t.flat()) w = d.normal() / 8;
    return t;
  }

  tensor<float> x_, target_;
  Weights first_, second_;
  std::vector<float> h_, y_;
};

template <class Weights>
class every_format : public testing::Test {};
TYPED_TEST_SUITE(every_format, every_weight::test_types);

/// Codes per step: a fine format has more codes to go.
template <class Format>
constexpr double usual_rate = 0.01 * (1 << Format::bits) / 8.0 + 0.02;

TYPED_TEST(every_format, trains_in_one_optimizer) {
  using format = typename TypeParam::format;
  student<TypeParam> model;
  optimizer opt{model.parameters(), sgd{.rate = usual_rate<format>}, two_point{.queries = 2}, options{.run = 7}};
  const double before = model(probe_view{})[0];
  for (int step = 0; step < 250; ++step) opt.step(model);
  const double after = model(probe_view{})[0];
  EXPECT_LT(after, 0.8 * before) << format::name;
}

TYPED_TEST(every_format, is_as_it_was_after_a_probe_in_place_which_reads_as_one_on_read) {
  student<TypeParam> model;
  optimizer opt{model.parameters(), sgd{.rate = 0.5}, two_point{.queries = 2}, options{.run = 8}};
  const auto before = model.bytes();
  const std::vector<double> on_read = model(opt.probes());
  std::size_t k = 0;
  for (const probe& p : opt.ask()) {
    {
      const typename decltype(opt)::in_place scope(opt, p);
      EXPECT_EQ(model(probe_view{})[0], on_read[k++]);
      EXPECT_NE(model.bytes(), before);
    }
    EXPECT_EQ(model.bytes(), before);
  }
}

}  // namespace
}  // namespace zolt::test
